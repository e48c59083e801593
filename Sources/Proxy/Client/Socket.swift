internal import Bytes
internal import Glibc

/// A TCP socket that never blocks by itself: who has to wait does so in `wait`, with a limit.
final class Socket {
  enum Received: Equatable {
    case bytes(Int)
    case end
    case wouldBlock
  }

  private let descriptor: Int32
  let peer: SocketAddress

  private init(descriptor: Int32, peer: SocketAddress) {
    self.descriptor = descriptor
    self.peer = peer
  }

  deinit { close(descriptor) }

  /// Connects to the first address that answers. The first failure is the one that is told: the others are further guesses
  /// at the same server.
  static func connect(to addresses: [SocketAddress], timeoutMs: Int) throws(ClientError) -> Socket {
    var first: ClientError?
    for address in addresses {
      do {
        return try connect(to: address, timeoutMs: timeoutMs)
      } catch {
        first = first ?? error
      }
    }
    throw first ?? .unknownHost("", reason: "it has no address")
  }

  private static func connect(to address: SocketAddress, timeoutMs: Int) throws(ClientError) -> Socket {
    let family = address.ip.isV4 ? AF_INET : AF_INET6
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(family, kind, 0)
    guard descriptor >= 0 else { throw failure(errno, address) }
    let made = Socket(descriptor: descriptor, peer: address)
    made.set(IPPROTO_TCP, TCP_NODELAY, 1)
    // A stream of events may be silent for hours: these notice within a minute that nobody is there any more.
    made.set(SOL_SOCKET, SO_KEEPALIVE, 1)
    made.set(IPPROTO_TCP, TCP_KEEPIDLE, 20)
    made.set(IPPROTO_TCP, TCP_KEEPINTVL, 10)
    made.set(IPPROTO_TCP, TCP_KEEPCNT, 4)
    if address.withSockaddr({ Glibc.connect(descriptor, $0, $1) }) != 0 {
      guard errno == EINPROGRESS || errno == EINTR else { throw failure(errno, address) }
      _ = try made.wait(for: Int16(POLLOUT), timeoutMs: timeoutMs)
      var problem: Int32 = 0
      var size = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &size)
      guard problem == 0 else { throw failure(problem, address) }
    }
    return made
  }

  private func set(_ level: some BinaryInteger, _ option: Int32, _ value: Int32) {
    var value = value
    // Refusing one costs comfort, not correctness.
    setsockopt(descriptor, Int32(level), option, &value, socklen_t(MemoryLayout<Int32>.size))
  }

  private static func failure(_ code: Int32, _ address: SocketAddress) -> ClientError {
    code == ECONNREFUSED
      ? .refused(address.description) : .unreachable(address.description, reason: String(cString: strerror(code)))
  }

  /// Waits for one of `events` (POLLIN, POLLOUT) and says which; errors and hang-ups count as all of them.
  ///
  /// - Parameter timeoutMs: nil to wait for ever.
  func wait(for events: Int16, timeoutMs: Int?) throws(ClientError) -> Int16 {
    let startMs = Socket.nowMs
    while true {
      var entry = pollfd(fd: descriptor, events: events, revents: 0)
      let left = timeoutMs.map { max(0, $0 - (Socket.nowMs - startMs)) }
      let count = poll(&entry, 1, left.map { Int32(clamping: $0) } ?? -1)
      if count > 0 {
        return entry.revents & Int16(POLLERR | POLLHUP | POLLNVAL) != 0 ? events : entry.revents & events
      }
      if count == 0 { throw .timedOut(peer.description, afterMs: timeoutMs ?? 0) }
      guard errno == EINTR else { throw Socket.failure(errno, peer) }
    }
  }

  private static var nowMs: Int {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
  }

  /// What is there, without waiting for more.
  func receive(into: UnsafeMutablePointer<UInt8>, capacity: Int) throws(ClientError) -> Received {
    while true {
      let count = recv(descriptor, into, capacity, 0)
      if count > 0 { return .bytes(count) }
      if count == 0 { return .end }
      switch errno {
      case EINTR: continue
      case EAGAIN, EWOULDBLOCK: return .wouldBlock
      case ECONNRESET: throw .cut(peer.description)
      default: throw Socket.failure(errno, peer)
      }
    }
  }

  /// How many bytes the kernel took, 0 when it takes none now; nil when the peer takes no more at all. Then it may still have
  /// said why, so that is no error yet.
  func send(_ bytes: UnsafeBufferPointer<UInt8>) throws(ClientError) -> Int? {
    while true {
      let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
      if count >= 0 { return count }
      switch errno {
      case EINTR: continue
      case EAGAIN, EWOULDBLOCK: return 0
      case EPIPE, ECONNRESET: return nil
      default: throw Socket.failure(errno, peer)
      }
    }
  }
}
