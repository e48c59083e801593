public import Bytes
import HTTP
import HTTP1
import Loop
import Pages
import Telemetry

/// A request that this process answers itself, with its body as it comes and its answer whole or piece by piece. It lives
/// on its loop's thread.
///
/// The client is held back while nobody takes its bytes, and whoever writes is told to wait while the client does not
/// read. When the client goes, or the exchange is cut, everything that waits here is told so.
public final class LocalCall {
  public let method: String
  /// Without the query, as it was sent.
  public let path: String
  public let query: String
  /// Host and optional port, as the client sent them.
  public let authority: String
  /// Names in lower case.
  public let headers: [(name: String, value: String)]
  public let client: IPAddress
  public let requestID: String

  unowned(unsafe) private var exchange: Exchange?
  private var received: [UInt8] = []
  private var isComplete: Bool
  private var isBegun = false
  private var isAnswered = false
  /// Called once if the client goes, or the exchange is cut, before all of the answer was given.
  public var whenAbandoned: (() -> Void)?
  private var reader: ((Chunk) -> Void)?
  private var writer: ((Bool) -> Void)?

  public enum Chunk: Sendable {
    case bytes([UInt8])
    case end
    /// The client has gone, or broke its message off.
    case gone
  }

  /// More than this unread holds the client back.
  static let receivedMax = 65_536

  init(_ view: RequestHead, _ exchange: Exchange) {
    let base = view.headers.base
    func text(_ range: ByteRange) -> String { String(decoding: range.bytes(in: base), as: UTF8.self) }
    let target = view.target.bytes(in: base)
    let path = target.prefix { $0 != UInt8(ascii: "?") }
    method = text(view.methodName)
    self.path = String(decoding: path, as: UTF8.self)
    query = String(decoding: target.dropFirst(path.count + 1), as: UTF8.self)
    authority = text(view.authority)
    headers = (0..<view.headers.count).map { index in
      let field = view.headers.fields[index]
      return (text(field.name).lowercased(), text(field.value))
    }
    client = LocalCall.client(headers, exchange)
    requestID = exchange.loggedRequestID
    isComplete = exchange.isRequestComplete
    self.exchange = exchange
  }

  /// Workers say on the internal listener for whom they ask; elsewhere it is the peer.
  private static func client(_ headers: [(name: String, value: String)], _ exchange: Exchange) -> IPAddress {
    guard let downstream = exchange.downstream else { return IPAddress(high: 0, low: 0) }
    if downstream.listener.isInternal, let said = headers.last(where: { $0.name == "x-real-ip" }),
      let ip = IPAddress(said.value)
    {
      return ip
    }
    return downstream.client.ip
  }

  public var isOver: Bool { exchange == nil }

  /// It came by the internal listener: a worker passed it on.
  public var isForwarded: Bool { exchange?.downstream?.listener.isInternal ?? false }

  // MARK: The request's body

  /// Calls `done` once, with the next bytes, the end, or that there will be none.
  public func read(_ done: @escaping (Chunk) -> Void) {
    guard let exchange else { return done(.gone) }
    precondition(reader == nil, "one reader at a time")
    if !received.isEmpty {
      let bytes = received
      received = []
      done(.bytes(bytes))
      exchange.localBodyTaken(bytes.count)
    } else if isComplete {
      done(.end)
    } else {
      reader = done
    }
  }

  /// Calls `done` with the whole body, or nil when it is longer than `limit`. Not called when the client goes.
  func collect(limit: Int, _ done: @escaping ([UInt8]?) -> Void) { collect([], limit: limit, done) }

  private func collect(_ soFar: [UInt8], limit: Int, _ done: @escaping ([UInt8]?) -> Void) {
    read { [unowned self] chunk in
      switch chunk {
      case .bytes(let bytes):
        if soFar.count + bytes.count > limit { done(nil) } else { collect(soFar + bytes, limit: limit, done) }
      case .end: done(soFar)
      case .gone: break
      }
    }
  }

  var wantsBody: Bool { received.count < LocalCall.receivedMax }

  func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    received += bytes
    deliver()
  }

  func complete() {
    isComplete = true
    deliver()
  }

  private func deliver() {
    guard let reader else { return }
    self.reader = nil
    read(reader)
  }

  // MARK: The answer

  /// A whole answer. Nothing happens when the client has gone.
  public func respond(_ response: LocalResponse) {
    guard let exchange, !isBegun else { return }
    isAnswered = true
    exchange.answerLocally(response)
  }

  /// The head of an answer that is written in pieces. HTTP/1.1 only, which is all that is spoken on `api` listeners.
  public func begin(_ response: LocalResponse) {
    guard let exchange, !isBegun else { return }
    isBegun = true
    exchange.beginStreaming(response)
  }

  /// Sends a piece; `done(true)` when there is room for more, `done(false)` when nobody reads any more.
  public func write(_ bytes: [UInt8], _ done: @escaping (Bool) -> Void) {
    guard let exchange, isBegun else { return done(false) }
    precondition(writer == nil, "one writer at a time")
    guard exchange.writeStreaming(bytes) else {
      writer = done
      return
    }
    done(!isOver)
  }

  public func end() {
    guard isBegun else { return }
    isAnswered = true
    exchange?.endStreaming()
  }

  /// Cuts an answer that cannot be completed.
  public func abort() {
    isAnswered = true
    exchange?.cutStreaming()
  }

  // MARK: What the exchange tells

  func drained() {
    guard let writer else { return }
    self.writer = nil
    writer(true)
  }

  /// The exchange is over. Nothing of it may be touched from here on.
  func exchangeEnded() {
    exchange = nil
    let (reader, writer) = (self.reader, self.writer)
    self.reader = nil
    self.writer = nil
    reader?(.gone)
    writer?(false)
    let whenAbandoned = whenAbandoned
    self.whenAbandoned = nil
    if !isAnswered { whenAbandoned?() }
  }
}

/// What answers the requests of `api` listeners. Called on the loop's thread; it must not wait for anything there.
public struct LocalService {
  let take: (LocalCall) -> Void

  public init(_ take: @escaping (LocalCall) -> Void) { self.take = take }
}

extension Exchange {
  var loggedRequestID: String {
    guard let head else { return "" }
    return String(decoding: log.requestID.bytes(in: UnsafePointer(head.base)), as: UTF8.self)
  }

  func serveLocally(_ view: RequestHead) {
    guard let service = worker.localService else {
      refuse(.notFound)
      return
    }
    let call = LocalCall(view, self)
    beginLocal(call)
    service.take(call)
  }

  /// The request is answered here: its body goes to the call.
  func beginLocal(_ call: LocalCall) {
    self.call = call
    stage = .local
    // RFC 9110 §10.1.1: whoever waits for the word before sending a body gets it.
    if expectsContinue, !isRequestComplete, stream == nil, minorVersion > 0, let downstream {
      let line: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"
      downstream.send(line.utf8Start, line.utf8CodeUnitCount)
    }
  }

  func localBody(_ base: UnsafePointer<UInt8>, _ count: Int) {
    guard let call else { return }
    call.append(UnsafeBufferPointer(start: base, count: count))
    if stage == .local, stream == nil, !call.wantsBody { downstream?.pause(.peerFull) }
  }

  /// The call has taken bytes: the client may send more.
  func localBodyTaken(_ count: Int) {
    guard stage == .local || stage == .responding else { return }
    guard stream == nil else {
      returnWindow()
      return
    }
    downstream?.resume(.peerFull)
    downstream?.resume(.awaitingUpstream)
  }

  func answerLocally(_ response: LocalResponse) {
    guard stage == .local else { return }
    var response = response
    if head != nil, !response.headers.contains(where: { $0.name == "x-request-id" }) {
      response.headers.append(("x-request-id", loggedRequestID))
    }
    answer(response)
  }

  func beginStreaming(_ response: LocalResponse) {
    guard stage == .local, let downstream else { return }
    stage = .responding
    status = response.status
    responseFraming = minorVersion == 0 ? .untilEnd : .chunked
    if !isRequestComplete || minorVersion == 0 { downstream.keepsAlive = false }
    let framing = responseFraming == .chunked ? "Transfer-Encoding: chunked\r\n" : ""
    var head = localHead(response, downstream, framing: framing)
    head.withUTF8 { _ = downstream.send($0.baseAddress!, $0.count) }
  }

  /// False: the client has enough to read for now; `LocalCall.drained` tells when it has read.
  func writeStreaming(_ bytes: [UInt8]) -> Bool {
    guard stage == .responding, let downstream else { return true }
    if bytes.isEmpty || method == .head { return true }
    responseBytes &+= UInt64(bytes.count)
    var framed: [UInt8] = []
    if responseFraming == .chunked {
      framed.reserveCapacity(bytes.count + 24)
      framed += Array((String(bytes.count, radix: 16) + "\r\n").utf8) + bytes + [0x0D, 0x0A]
    } else {
      framed = bytes
    }
    framed.withUnsafeBufferPointer { _ = downstream.send($0.baseAddress!, $0.count) }
    return downstream.bytesQueued <= Transport.highMark
  }

  func endStreaming() {
    guard stage == .responding, let downstream else { return }
    if responseFraming == .chunked, method != .head {
      let last: StaticString = "0\r\n\r\n"
      downstream.send(last.utf8Start, last.utf8CodeUnitCount)
    }
    finish(endsDownstream: true)
  }

  func cutStreaming() {
    switch stage {
    case .responding: breakOff()
    case .local: refuse(.internalError)
    default: break
    }
  }
}
