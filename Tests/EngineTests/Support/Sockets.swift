import Bytes
import Foundation
import TLS

/// A blocking byte stream: what scripted clients and origins talk through. One thread at a time.
protocol ByteStream: AnyObject {
  /// False when the peer is gone.
  @discardableResult func send(_ bytes: [UInt8]) -> Bool
  /// Nil when the peer ended, broke, or said nothing for five seconds.
  func receive() -> [UInt8]?
}

extension ByteStream {
  @discardableResult func send(_ text: String) -> Bool { send(Array(text.utf8)) }
}

/// A plain TCP socket.
final class PlainSocket: ByteStream, @unchecked Sendable {
  // Sendable: handed from the thread that makes it to the one that uses it; `shut` may come from any.
  /// Behind a lock: an origin that stops shuts sockets that their scripts may be closing, and a number that was closed
  /// may be somebody else's by then. (Not a `Mutex`: ThreadSanitizer does not see that one lock.)
  private var descriptor: Int32
  private let lock = NSLock()
  var fd: Int32 { lock.withLock { descriptor } }
  private(set) var received: [UInt8] = []

  init(fd: Int32, patienceMs: Int = 5_000) {
    descriptor = fd
    setPatience(ms: patienceMs)
  }

  /// How long a send or a receive waits.
  func setPatience(ms: Int) {
    var timeout = timeval(tv_sec: ms / 1000, tv_usec: ms % 1000 * 1000)
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
  }

  convenience init(to address: SocketAddress) {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    let status = address.withSockaddr { connect(fd, $0, $1) }
    precondition(status == 0, "connect: \(errno)")
    self.init(fd: fd)
  }

  deinit { close() }

  @discardableResult func send(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(fd, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return false }
      sent += count
    }
    return true
  }

  func receive() -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = recv(fd, &buffer, buffer.count, 0)
    return count > 0 ? Array(buffer[..<count]) : nil
  }

  /// Reads until `mark` has come, and returns everything up to its end.
  func receive(through mark: String) -> String? {
    let wanted = Array(mark.utf8)
    while true {
      if let range = received.firstRange(of: wanted) {
        defer { received.removeSubrange(..<range.upperBound) }
        return String(decoding: received[..<range.upperBound], as: UTF8.self)
      }
      guard let more = receive() else { return nil }
      received += more
    }
  }

  func finishWriting() { shutdown(fd, Int32(SHUT_WR)) }
  func shut() {
    lock.withLock {
      if descriptor >= 0 { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }
  }

  func close() {
    lock.withLock {
      if descriptor >= 0 { Glibc.close(descriptor) }
      descriptor = -1
    }
  }

  /// Closes so that the peer gets a reset.
  func reset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    close()
  }
}

/// Either side of TLS.
final class TLSSocket: ByteStream {
  let socket: PlainSocket
  private let session: TLSSession
  private let output = TLSOutput()
  private var pending: [UInt8] = []
  private var text: [UInt8] = []
  private let host: String

  /// Connected and, unless `handshakes` is false, with the handshake done.
  init(_ edge: Edge, host: String, alpn: ALPN = .http1, handshakes: Bool = true) throws {
    self.host = host
    socket = PlainSocket(to: edge.address)
    let context = try TLSClientContext(TLSClientSettings(verification: .insecure, alpn: [alpn]))
    session = TLSSession(client: context, serverName: host, output: output)!
    if handshakes { try handshake() }
  }

  /// A service's end, with the handshake done.
  init(serving socket: PlainSocket) throws {
    host = ""
    self.socket = socket
    var settings = TLSServerSettings(certificates: [Edge.certificate], tickets: TicketKeys())
    settings.offersHTTP2 = false
    let context = try TLSContext(settings)
    session = TLSSession(server: context, output: output)!
    try handshake()
  }

  private func handshake() throws {
    while true {
      let step = session.handshake()
      flush()
      if case .bytes = step { break }
      guard case .wantsInput = step, let more = socket.receive() else { throw Broken(what: "handshake: \(step)") }
      pending = more
      feed()
    }
  }

  struct Broken: Error { let what: String }

  private func feed() { pending.withUnsafeBufferPointer { session.feed($0.baseAddress!, $0.count) } }

  private func flush() {
    if output.count > 0 { _ = socket.send(Array(UnsafeBufferPointer(start: output.base, count: output.count))) }
    output.reset()
  }

  @discardableResult func send(_ bytes: [UInt8]) -> Bool {
    guard bytes.withUnsafeBufferPointer({ $0.isEmpty || session.write($0.baseAddress!, $0.count) }) else {
      return false
    }
    defer { output.reset() }
    return socket.send(Array(UnsafeBufferPointer(start: output.base, count: output.count)))
  }

  func receive() -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let left = session.inputRemaining
      if left > 0 || !pending.isEmpty {
        // The session borrows `pending` only during this read.
        pending = Array(pending.suffix(left))
        if !pending.isEmpty { feed() }
      }
      let read = buffer.withUnsafeMutableBufferPointer { session.read(into: $0.baseAddress!, capacity: $0.count) }
      pending = Array(pending.suffix(session.inputRemaining))
      flush()
      switch read {
      case .bytes(let count): return Array(buffer[..<count])
      case .closed, .failed: return nil
      case .wantsInput:
        guard let more = socket.receive() else { return nil }
        pending = more
        feed()
      }
    }
  }

  func receive(through mark: String) -> String? {
    let wanted = Array(mark.utf8)
    while true {
      if let range = text.firstRange(of: wanted) {
        defer { text.removeSubrange(..<range.upperBound) }
        return String(decoding: text[..<range.upperBound], as: UTF8.self)
      }
      guard let more = receive() else { return nil }
      text += more
    }
  }

  /// Everything until the peer ends.
  func receiveAll() -> String {
    while let more = receive() { text += more }
    defer { text = [] }
    return String(decoding: text, as: UTF8.self)
  }

  func get(_ path: String = "/", _ extra: String = "") {
    _ = send("GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\(extra)\r\n")
  }
  func post(_ framing: String) { _ = send("POST / HTTP/1.1\r\nHost: \(host)\r\n\(framing)\r\n\r\n") }

  func close() { socket.close() }
  func reset() { socket.reset() }
}
