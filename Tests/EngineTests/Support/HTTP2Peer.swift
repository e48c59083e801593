import Bytes
import HTTP
import HTTP2

/// One side of HTTP/2 over a blocking stream: the client's, or an h2c service's.
final class HTTP2Peer {
  struct Seen {
    let stream: HTTP2Stream
    /// Responses: the last head's status. Requests: 0.
    var status: UInt16 = 0
    var path = ""
    var fields: [String] = []
    var body: [UInt8] = []
    var trailers: [String] = []
    var isEnded = false
    /// Set when the stream is gone.
    var closedWith: UInt32?
  }

  let session: HTTP2Session
  private let wire: any ByteStream
  private(set) var seen: [Int32: Seen] = [:]
  private let slabs = SlabPool()
  private let out = UnsafeMutablePointer<UInt8>.allocate(capacity: 65_536 + HTTP2Session.overshootBytes)

  init(_ role: HTTP2Session.Role, _ wire: any ByteStream) {
    self.wire = wire
    session = HTTP2Session(role: role, settings: HTTP2Settings(), slabs: slabs)!
  }

  deinit { out.deallocate() }

  /// A request; the first fields make a GET of `/` there. Answers the stream's id.
  @discardableResult
  func request(
    _ host: String, method: String = "GET", path: String = "/", _ extra: [(String, String)] = [], hasBody: Bool = false
  ) -> HTTP2Stream {
    submit([(":method", method), (":scheme", "https"), (":authority", host), (":path", path)] + extra) {
      let stream = session.submitRequest(hasBody: hasBody)!
      seen[stream.id] = Seen(stream: stream)
      return stream
    }
  }

  func respond(_ stream: HTTP2Stream, _ status: Int = 200, _ extra: [(String, String)] = [], hasBody: Bool = true) {
    submit([(":status", "\(status)")] + extra) { _ = session.submitResponse(stream, hasBody: hasBody) }
  }

  private func submit<R>(_ fields: [(String, String)], _ body: () -> R) -> R {
    let bytes = fields.flatMap { Array($0.0.utf8) + Array($0.1.utf8) }
    return bytes.withUnsafeBufferPointer { buffer in
      session.beginFields()
      var at = 0
      for (name, value) in fields {
        let middle = at + name.utf8.count
        let end = middle + value.utf8.count
        session.addField(
          UnsafeBufferPointer(rebasing: buffer[at..<middle]), UnsafeBufferPointer(rebasing: buffer[middle..<end]))
        at = end
      }
      return body()
    }
  }

  func append(_ stream: HTTP2Stream, _ bytes: [UInt8]) { session.append(stream, bytes, bytes.count) }
  func append(_ stream: HTTP2Stream, _ text: String) { append(stream, Array(text.utf8)) }

  func end(_ stream: HTTP2Stream, trailers: [(String, String)] = []) {
    guard !trailers.isEmpty else { return session.end(stream) }
    var bytes: [UInt8] = []
    var fields: [HeaderField] = []
    for (name, value) in trailers {
      let start = bytes.count
      bytes += Array(name.utf8) + Array(value.utf8)
      fields.append(
        HeaderField(
          name: ByteRange(start: start, count: name.utf8.count),
          value: ByteRange(start: start + name.utf8.count, count: value.utf8.count), known: .other))
    }
    bytes.withUnsafeBufferPointer { base in
      fields.withUnsafeMutableBufferPointer {
        session.end(stream, trailers: HeaderList(base: base.baseAddress!, fields: $0.baseAddress!, count: $0.count))
      }
    }
  }

  /// Sends what is to be sent. False when the peer is gone.
  @discardableResult
  func flush() -> Bool {
    while session.wantsToSend {
      let count = session.produce(into: out, goal: 65_536)
      if count <= 0 { break }
      if !wire.send(Array(UnsafeBufferPointer(start: out, count: count))) { return false }
      drain()
    }
    return true
  }

  /// Sends and receives until `condition`; false when the peer is gone or silent before.
  @discardableResult
  func pump(until condition: (HTTP2Peer) -> Bool) -> Bool {
    while true {
      flush()
      if condition(self) { return true }
      guard let bytes = wire.receive() else { return false }
      let isAlive = session.receive(bytes, bytes.count)
      drain()
      if !isAlive {
        flush()
        return condition(self)
      }
    }
  }

  func pump(untilEndOf stream: HTTP2Stream) -> Seen {
    pump { $0.seen[stream.id]?.isEnded == true || $0.seen[stream.id]?.closedWith != nil }
    return seen[stream.id]!
  }

  private func drain() {
    for index in 0..<session.eventCount { take(session.event(index)) }
    session.clearEvents()
    session.clearDrained()
    session.releaseClosed()
  }

  private func take(_ event: HTTP2Event) {
    if event.kind == .data { session.consume(streamID: event.streamID, event.count) }
    if event.kind == .head, seen[event.streamID] == nil, let stream = event.stream?.takeUnretainedValue() {
      seen[event.streamID] = Seen(stream: stream)
    }
    guard var state = seen[event.streamID] else { return }
    let headers = session.headers(of: event)
    switch event.kind {
    case .head:
      state.status = event.status
      state.path = string(event.path, headers)
      state.fields = strings(headers)
      state.isEnded = event.endsStream
    case .data: state.body += UnsafeBufferPointer(start: event.bytes, count: event.count)
    case .trailers: state.trailers = strings(headers)
    case .end: state.isEnded = true
    case .closed: state.closedWith = event.errorCode
    case .goAway, .headTooLarge: break
    }
    seen[event.streamID] = state
  }

  private func string(_ range: ByteRange, _ headers: HeaderList) -> String {
    String(decoding: headers.bytes(range), as: UTF8.self)
  }

  private func strings(_ headers: HeaderList) -> [String] {
    (0..<headers.count).map {
      "\(string(headers.fields[$0].name, headers)): \(string(headers.fields[$0].value, headers))"
    }
  }
}
