import Glibc

/// One accepted socket with a read buffer. Every call blocks, at most for `idleMaxSec`.
package final class Connection {
  /// Longer than a proxy keeps an idle connection in its pool, so that the proxy closes first and nobody races.
  private static let idleMaxSec = 120

  package let descriptor: Int32
  private var buffer = [UInt8](repeating: 0, count: 65536)
  /// What has arrived and was not read yet is `buffer[at..<end]`.
  private var at = 0
  private var end = 0

  package init(_ descriptor: Int32) {
    self.descriptor = descriptor
    var on: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    waitAtMost(sec: Connection.idleMaxSec)
  }

  /// For reads and writes alike; 0 is for ever.
  package func waitAtMost(sec: Int) {
    var limit = timeval(tv_sec: sec, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
  }

  // MARK: Reading

  /// The next bytes, at most `max` of them; nil at the end, on a fault and after too long a silence.
  func read(max: Int) -> ArraySlice<UInt8>? {
    if at == end, !fill() { return nil }
    let from = at
    at = min(at + max, end)
    return buffer[from..<at]
  }

  func readExactly(_ count: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count {
      guard let more = read(max: count - bytes.count) else { return nil }
      bytes += more
    }
    return bytes
  }

  /// A line without its CRLF; nil at the end, and where it is longer than `max` or its LF stands alone.
  func readLine(max: Int) -> [UInt8]? {
    var line: [UInt8] = []
    while line.count <= max {
      guard let byte = read(max: 1)?.first else { return nil }
      if byte == 0x0A { return line.popLast() == 0x0D ? line : nil }
      line.append(byte)
    }
    return nil
  }

  private func fill() -> Bool {
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count < 0, errno == EINTR { continue }
      (at, end) = (0, max(0, count))
      return count > 0
    }
  }

  // MARK: Writing

  /// False where the peer is gone or takes nothing for too long.
  package func send(_ bytes: [UInt8]) -> Bool { Connection.send(bytes, to: descriptor, flags: 0) }

  package func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  static func send(_ bytes: [UInt8], to descriptor: Int32, flags: Int32) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress! + sent, $0.count - sent, flags | Int32(MSG_NOSIGNAL))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }
}
