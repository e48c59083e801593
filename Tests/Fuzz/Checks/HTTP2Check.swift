import Bytes
import HTTP

@testable import HTTP2

/// A session takes any bytes: what it reports is about streams that it has, its inbox and its output stay bounded, and
/// nothing is lent out when it is gone.
///
/// The input is a header of three bytes, then turns: `[what to do] [count] [count bytes from the peer]`. In frame mode
/// the bytes are wrapped as frames, so that the fuzzer need not find lengths that fit.
enum HTTP2Check {
  static func run(_ input: UnsafeBufferPointer<UInt8>) -> String? {
    let slabs = SlabPool()
    let complaint = converse(input, slabs)
    if let complaint { return complaint }
    return slabs.bytesLent == 0 ? nil : "\(slabs.bytesLent) bytes are still lent"
  }

  private static func converse(_ input: UnsafeBufferPointer<UInt8>, _ slabs: SlabPool) -> String? {
    var steering = Steering(input)
    let mode = steering.byte()
    guard let owner = HTTP2Owner(mode, slabs) else { return "no session" }
    if mode & 2 == 0 { owner.receive(owner.opening) }
    while !steering.rest.isEmpty, owner.isAlive, owner.complaint == nil {
      owner.turn(action: steering.byte())
      let count = Int(steering.byte())
      if mode & 4 == 0 {
        let (type, flags, stream) = (steering.byte(), steering.byte(), steering.byte())
        let payload = steering.bytes(upTo: count)
        owner.receive([0, 0, UInt8(payload.count), type, flags, 0, 0, 0, stream] + payload)
      } else {
        owner.receive(Array(steering.bytes(upTo: count)))
      }
    }
    owner.flush(rounds: 64)
    return owner.complaint
  }
}

/// What a connection of ours does with a session, as far as the session can tell.
private final class HTTP2Owner {
  let session: HTTP2Session
  private(set) var complaint: String?
  private(set) var isAlive = true
  private let mode: UInt8
  private let limits = HeadLimits(requestLineBytes: 512, headBytes: 1024, fields: 8)
  private let out = UnsafeMutablePointer<UInt8>.allocate(capacity: HTTP2Owner.goal + HTTP2Session.overshootBytes)
  private static let goal = 8192
  private static let streamsMax = 8
  /// Streams that are open as far as we have been told, and bytes of theirs that we have not given back.
  private var open: [Int32: (stream: HTTP2Stream, owed: Int)] = [:]
  private var action: UInt8 = 0

  init?(_ mode: UInt8, _ slabs: SlabPool) {
    self.mode = mode
    var settings = HTTP2Settings()
    settings.concurrentStreams = UInt32(HTTP2Owner.streamsMax)
    settings.limits = limits
    guard let session = HTTP2Session(role: mode & 1 == 0 ? .server : .client, settings: settings, slabs: slabs) else {
      out.deallocate()
      return nil
    }
    self.session = session
    if session.role == .client { for index in 0..<3 { request(hasBody: index > 0) } }
  }

  deinit { out.deallocate() }

  /// What every peer begins with: the preface (RFC 9113 §3.4), and empty SETTINGS.
  var opening: [UInt8] {
    (session.role == .server ? Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) : []) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
  }

  private func request(hasBody: Bool) {
    session.beginFields()
    for (name, value): (StaticString, StaticString) in [
      (":method", "POST"), (":scheme", "https"), (":authority", "a.test"), (":path", "/"),
    ] {
      session.addField(name, value)
    }
    guard session.canOpenStream || open.count < HTTP2Owner.streamsMax,
      let stream = session.submitRequest(hasBody: hasBody)
    else { return }
    open[stream.id] = (stream, 0)
    if hasBody { session.append(stream, [UInt8](repeating: 0x61, count: 300), 300) }
  }

  // MARK: Turns

  func turn(action: UInt8) {
    self.action = action
    for (id, entry) in open {
      let stream = entry.stream
      switch (action &+ UInt8(truncatingIfNeeded: id)) & 15 {
      case 0: session.append(stream, [UInt8](repeating: 0x62, count: 5000), 5000)
      case 1: session.end(stream)
      case 2: endWithTrailers(stream)
      case 3: session.reset(stream, .cancel)
      case 4: session.resetAfterEnd(stream)
      case 5: respond(stream, isInterim: true)
      case 6: giveBack(id)
      case 7: stream.wantsRoom = true
      default: break
      }
    }
    if action & 0x30 == 0x10 { flush(rounds: 4) }
    switch action {
    case 0xF0: session.announceShutdown()
    case 0xF1: session.goAway(.noError)
    case 0xF2: session.terminate(.enhanceYourCalm)
    case 0xF3: session.ping()
    case 0xF4 where session.role == .client: request(hasBody: true)
    default: break
    }
  }

  private func giveBack(_ id: Int32) {
    session.consume(streamID: id, open[id]?.owed ?? 0)
    open[id]?.owed = 0
  }

  private func respond(_ stream: HTTP2Stream, isInterim: Bool) {
    guard session.role == .server else { return }
    session.beginFields()
    session.addField(":status", isInterim ? "103" : "200")
    session.addField("x-a", "b")
    if isInterim {
      session.submitInterim(stream)
    } else {
      session.submitResponse(stream, hasBody: action & 0x40 == 0)
      if action & 0x80 == 0 {
        session.append(stream, [UInt8](repeating: 0x63, count: 100), 100)
      } else {
        session.end(stream)
      }
    }
  }

  private func endWithTrailers(_ stream: HTTP2Stream) {
    let bytes = Array("X-Sum1".utf8)
    bytes.withUnsafeBufferPointer { base in
      var field = HeaderField(name: ByteRange(start: 0, count: 5), value: ByteRange(start: 5, count: 1), known: .other)
      withUnsafeMutablePointer(to: &field) {
        session.end(stream, trailers: HeaderList(base: base.baseAddress!, fields: $0, count: 1))
      }
    }
  }

  // MARK: In

  func receive(_ bytes: [UInt8]) {
    guard isAlive, complaint == nil else { return }
    withExact(bytes) { base in
      isAlive = session.receive(base, bytes.count)
      drain(received: bytes.count)
    }
  }

  private func drain(received: Int) {
    // A frame has nine bytes and makes at most three events (a stream that ends and closes); sending may close all.
    let eventsMax = 3 * (received / 9 + 2) + 2 * HTTP2Owner.streamsMax + 8
    if session.eventCount > eventsMax { complain("\(session.eventCount) events of \(received) bytes") }
    for index in 0..<session.eventCount { take(session.event(index)) }
    session.clearEvents()
    session.releaseClosed()
  }

  private func take(_ event: HTTP2Event) {
    let headers = session.headers(of: event)
    if event.kind == .head || event.kind == .trailers { read(headers, event) }
    if event.kind == .goAway { return }
    guard let stream = event.stream?.takeUnretainedValue() else {
      if event.kind == .data { session.consume(streamID: event.streamID, event.count) }
      return
    }
    if stream.id != event.streamID { complain("an event of \(event.streamID) names stream \(stream.id)") }
    switch event.kind {
    case .head:
      if open[stream.id] == nil { open[stream.id] = (stream, 0) }
      if event.streamID & 6 != 6 { respond(stream, isInterim: false) }
    case .data:
      let sum = UnsafeBufferPointer(start: event.bytes, count: event.count).reduce(0) { $0 &+ Int($1) }
      if sum < 0 { complain("impossible") }
      if action & 8 == 0 {
        session.consume(streamID: stream.id, event.count)
      } else {
        open[stream.id]?.owed += event.count
      }
    case .closed:
      giveBack(stream.id)
      open[stream.id] = nil
      if !stream.isClosed || !stream.outgoing.isEmpty { complain("a closed stream holds something") }
    case .headTooLarge:
      if session.role == .client { complain("a client was told of a head that is too large") }
      respond(stream, isInterim: false)
    case .end, .trailers, .goAway: break
    }
  }

  private func read(_ headers: HeaderList, _ event: HTTP2Event) {
    var bytes = 0
    if headers.count > limits.fields { complain("\(headers.count) fields") }
    for index in 0..<headers.count {
      let field = headers.fields[index]
      bytes += headers.bytes(field.name).count + headers.bytes(field.value).count
      if headers.bytes(field.name).contains(where: { (0x41...0x5A).contains($0) || $0 <= 0x20 }) {
        complain("a name that is none")
      }
      if headers.bytes(field.value).contains(where: { $0 == 0 || $0 == 0x0A || $0 == 0x0D }) {
        complain("a line break in a value")
      }
    }
    for range in [event.method, event.path, event.authority, event.scheme, event.protocol] {
      bytes += headers.bytes(range).count
    }
    if bytes > limits.headBytes { complain("a head of \(bytes) bytes") }
    if event.kind == .head, session.role == .server, event.method.isEmpty { complain("a request without a method") }
  }

  // MARK: Out

  func flush(rounds: Int) {
    for _ in 0..<rounds where session.wantsToSend {
      let count = session.produce(into: out, goal: HTTP2Owner.goal)
      guard count >= 0 else {
        isAlive = false
        break
      }
      if count > HTTP2Owner.goal + HTTP2Session.overshootBytes { complain("\(count) bytes were made") }
      for stream in session.drained { _ = stream.takeUnretainedValue().owner }
      session.clearDrained()
      drain(received: 0)
      if count == 0 { break }
    }
  }

  private func complain(_ why: String) { if complaint == nil { complaint = why } }
}
