import Bytes
import HTTP
import HTTP1
import HTTP2
import Loop
import Pages
import Router
import Sandbox
import TLS
import Telemetry

/// An answer that is made here, whole.
public struct LocalResponse: Sendable {
  public var status: UInt16
  /// Names in lower case.
  public var headers: [(name: String, value: String)]
  public var body: [UInt8]

  public init(status: UInt16, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  public init(status: UInt16, contentType: String, text: String) {
    self.init(
      status: status, headers: [("content-type", contentType), ("cache-control", "no-store")], body: Array(text.utf8))
  }
}

extension Exchange {
  /// Answers with one of our own words. The upstream, if there was one, is let go.
  func refuse(_ refusal: Refusal) {
    if stage == .ended || stage == .idle { return }
    detachUpstream(reusable: false)
    self.refusal = refusal
    if head == nil {
      let slab = worker.loop.slabs.take(64)
      head = slab
      var out = HeadCursor(slab.base)
      putRequestID(&out)
    }
    guard let head else { return }
    let host = String(decoding: log.host.bytes(in: UnsafePointer(head.base)), as: UTF8.self)
    let id = String(decoding: log.requestID.bytes(in: UnsafePointer(head.base)), as: UTF8.self)
    let retryAfter = refusal.retryAfterSeconds
    let follows = wantsPage && method == .get && Pages.mayFollow(refusal)
    let context = PageContext(
      host: host, requestID: id, retryAfterSeconds: retryAfter,
      port: bucket.map { $0.target.isGateway ? 0 : $0.key.port }.flatMap { $0 == 0 ? nil : $0 },
      follows: follows)
    let kind: BodyKind = wantsPage ? .html : .problem
    var response = LocalResponse(status: refusal.status)
    for (name, value) in Pages.headers(kind) { response.headers.append(("\(name)", "\(value)")) }
    response.headers.append(("porthole-error", "\(refusal.word)"))
    response.headers.append(("x-request-id", id))
    // Whatever came back, or did not: a request that never left us may be sent again.
    if !isHeadSent, !mayHaveBeenSeen { response.headers.append(("porthole-forwarded", "no")) }
    if let retryAfter { response.headers.append(("retry-after", String(retryAfter))) }
    if refusal == .unauthenticated { response.headers.append(("www-authenticate", "Bearer realm=\"porthole\"")) }
    Pages.render(refusal, as: kind, context: context, into: &response.body)
    answer(response)
  }

  /// The plain HTTP listener: the same place, over TLS (RFC 9110 §15.4.9 keeps the method).
  func redirect(_ view: RequestHead) {
    let base = view.headers.base
    let authority = view.authority.bytes(in: base)
    // Only hosts that are ours: anybody else's name in a Location of ours would be a favour to phishers.
    if case .refuse(let refusal) = worker.table.decide(authority: authority, target: view.target.bytes(in: base)),
      refusal == .misdirected || refusal == .badHost
    {
      refuse(refusal)
      return
    }
    guard !authority.isEmpty else {
      refuse(.badHost)
      return
    }
    guard view.target.bytes(in: base).first == 0x2F else {
      // `OPTIONS *` has no place to be sent to.
      refuse(.badTarget)
      return
    }
    var host = authority
    if let colon = authority.lastIndex(of: 0x3A), authority.last != 0x5D {
      host = UnsafeBufferPointer(rebasing: authority[..<colon])
    }
    var location = "https://" + String(decoding: host, as: UTF8.self)
    if worker.settings.redirectPort != 443 { location += ":\(worker.settings.redirectPort)" }
    location += String(decoding: view.target.bytes(in: base), as: UTF8.self)
    let isSafe = method == .get || method == .head
    answer(LocalResponse(status: isSafe ? 301 : 308, headers: [("location", location), ("cache-control", "no-store")]))
  }

  /// Sends a whole answer and ends the exchange.
  func answer(_ response: LocalResponse) {
    guard let downstream else { return }
    status = response.status
    let body = method == .head ? [] : response.body
    responseBytes = UInt64(body.count)
    if let stream, let h2 = downstream.h2 {
      answerHTTP2(response, body, stream, h2)
      return
    }
    if !isRequestComplete { downstream.keepsAlive = false }
    let hasLength = response.status >= 200 && response.status != 204
    let head = localHead(response, downstream, framing: hasLength ? "Content-Length: \(response.body.count)\r\n" : "")
    let bytes = Array(head.utf8) + body
    bytes.withUnsafeBufferPointer { _ = downstream.send($0.baseAddress!, $0.count) }
    finish(endsDownstream: true)
  }

  /// The head of an answer of ours in HTTP/1.1. `framing` is the field line that says where its body ends, if one does.
  func localHead(_ response: LocalResponse, _ downstream: DownstreamConnection, framing: String) -> String {
    var text = "HTTP/1.1 \(response.status) \(Reason.phrase(response.status))\r\n"
    for (name, value) in response.headers { text += "\(LocalResponse.titled(name)): \(value)\r\n" }
    text += "Date: " + String(decoding: worker.date.text(worker), as: UTF8.self) + "\r\n"
    text += framing
    if downstream.isTLS, !worker.settings.hsts.isEmpty {
      text += "Strict-Transport-Security: \(worker.settings.hsts)\r\n"
    }
    if !downstream.keepsAlive {
      text += "Connection: close\r\n"
    } else if minorVersion == 0 {
      text += "Connection: keep-alive\r\n"
    }
    return text + "\r\n"
  }

  private func answerHTTP2(_ response: LocalResponse, _ body: [UInt8], _ stream: HTTP2Stream, _ h2: HTTP2Session) {
    var fields = [(":status", String(response.status))]
    for (name, value) in response.headers { fields.append((name, value)) }
    fields.append(("date", String(decoding: worker.date.text(worker), as: UTF8.self)))
    if response.status != 204 { fields.append(("content-length", String(response.body.count))) }
    if !worker.settings.hsts.isEmpty { fields.append(("strict-transport-security", worker.settings.hsts)) }
    // One block for all bytes: pointers into it stay good until the submit has copied them.
    let block = fields.flatMap { Array($0.0.utf8) + Array($0.1.utf8) }
    block.withUnsafeBufferPointer { buffer in
      h2.beginFields()
      var at = 0
      for (name, value) in fields {
        let nameEnd = at + name.utf8.count
        let valueEnd = nameEnd + value.utf8.count
        h2.addField(
          UnsafeBufferPointer(rebasing: buffer[at..<nameEnd]), UnsafeBufferPointer(rebasing: buffer[nameEnd..<valueEnd])
        )
        at = valueEnd
      }
      h2.submitResponse(stream, hasBody: !body.isEmpty)
    }
    if !body.isEmpty {
      body.withUnsafeBufferPointer { h2.append(stream, $0.baseAddress!, $0.count) }
      h2.end(stream)
    }
    if !isRequestComplete { h2.resetAfterEnd(stream) }
    downstream?.observeTurnEnd(of: worker.loop)
    finish(endsDownstream: true)
  }

  // MARK: Accounting

  /// Counters and the access log, once per exchange.
  func account() {
    let counters = worker.counters
    let now = EventLoop.nowNs
    let us = (now &- beganNs) / 1000
    counters.decrement(.requestsInFlight)
    counters.record(.request, us: us)
    if let refusal {
      counters.countRefusal(refusal.rawValue)
    } else if status > 0 {
      counters.add(Metric.response(status: status))
    }
    guard let buffer = worker.log, worker.settings.writesAccessLog else { return }
    var record = AccessRecord()
    record.timeNs = worker.wallNs(beganNs)
    if let downstream {
      record.client = downstream.client.ip
      record.tls = downstream.tls?.versionName
    }
    record.protocolName =
      upgrade == .webSocket ? "websocket" : stream != nil ? "HTTP/2.0" : minorVersion == 0 ? "HTTP/1.0" : "HTTP/1.1"
    record.status = status
    record.requestBytes = requestBytes
    record.responseBytes = responseBytes
    record.durationUs = us
    if firstByteNs > 0 { record.firstByteUs = (firstByteNs &- beganNs) / 1000 }
    record.refusal = refusal?.word
    if let bucket {
      record.port = bucket.target.isGateway ? 0 : bucket.key.port
      if isHeadSent, case Endpoint.tcp(let address) = bucket.endpoint { record.upstream = address }
    }
    func write() { buffer.append(record) }
    guard let head else {
      write()
      return
    }
    let base = UnsafePointer(head.base)
    record.method = log.method.bytes(in: base)
    record.target = log.target.bytes(in: base)
    record.host = log.host.bytes(in: base)
    record.userAgent = log.userAgent.bytes(in: base)
    record.referer = log.referer.bytes(in: base)
    record.requestID = log.requestID.bytes(in: base)
    if let bucket {
      bucket.sandboxBytes.withUnsafeBufferPointer {
        record.sandbox = $0
        write()
      }
    } else {
      write()
    }
  }
}

extension LocalResponse {
  /// `porthole-error` to `Porthole-Error`: HTTP/1.1 has seen capitals for thirty years.
  static func titled(_ name: String) -> String {
    name.split(separator: "-", omittingEmptySubsequences: false).map { $0.prefix(1).uppercased() + $0.dropFirst() }
      .joined(separator: "-")
  }
}

extension Refusal {
  /// When trying again may help (RFC 9110 §10.2.3).
  var retryAfterSeconds: Int? {
    switch self {
    case .starting, .portClosed: 1
    case .paused: 5
    case .tooManyRequests, .overloaded, .draining, .dialTimeout: 2
    default: nil
    }
  }
}
