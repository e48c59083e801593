internal import Bytes
internal import Demo
internal import Dispatch
internal import Glibc
internal import Synchronization

/// A socket that one port of one sandbox listens on. Each connection has a thread of its own.
final class EchoListener: Sendable {
  enum Place: Hashable, Sendable {
    case tcp(IPAddress, UInt16)
    case unix(path: String)
  }

  struct CannotListen: Error {
    let reason: String
  }

  /// Over all sandboxes of the process: each costs a thread.
  private static let connectionsMax = 2000
  private static let connectionsOpen = Atomic<Int>(0)

  private struct State {
    var isClosed = false
    /// Sockets that have a thread; each is closed by its thread, after it has left the set.
    var connections: Set<Int32> = []
  }

  private let place: Place
  private let descriptor: Int32
  /// Dispatch's objects may be used from any thread; they only do not say so.
  private nonisolated(unsafe) let source: any DispatchSourceRead
  private let state = Mutex(State())

  /// Listens at once.
  /// - Parameter serve: called on a thread of each connection; the connection is closed when it returns.
  init(_ place: Place, serve: @escaping @Sendable (Int32) -> Void) throws(CannotListen) {
    self.place = place
    descriptor = try EchoListener.listen(place)
    let descriptor = descriptor
    source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: .global())
    source.setCancelHandler { Glibc.close(descriptor) }
    source.setEventHandler { [weak self] in self?.acceptAll(serve) }
    source.activate()
  }

  /// From when this returns nobody is answered any more.
  func close() {
    if case .unix(let path) = place { unlink(path) }
    // The descriptor goes later, with the source; until then connections would still be taken.
    shutdown(descriptor, Int32(SHUT_RDWR))
    state.withLock { state in
      state.isClosed = true
      for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
    }
    source.cancel()
  }

  private func acceptAll(_ serve: @escaping @Sendable (Int32) -> Void) {
    while true {
      let connection = accept(descriptor, nil, nil)
      if connection < 0, errno == EINTR || errno == ECONNABORTED { continue }
      // Nothing to accept with: wait for a connection to end instead of spinning.
      if connection < 0, errno == EMFILE || errno == ENFILE || errno == ENOMEM { usleep(50_000) }
      guard connection >= 0 else { return }
      _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
      admit(connection, serve)
    }
  }

  private func admit(_ connection: Int32, _ serve: @escaping @Sendable (Int32) -> Void) {
    let open = EchoListener.connectionsOpen.add(1, ordering: .relaxed).newValue
    let isIn = state.withLock { state in
      guard !state.isClosed, open <= EchoListener.connectionsMax else { return false }
      state.connections.insert(connection)
      return true
    }
    let started =
      isIn
      && Threads.start {
        serve(connection)
        self.release(connection)
      }
    if !started { release(connection) }
  }

  private func release(_ connection: Int32) {
    state.withLock { _ = $0.connections.remove(connection) }
    Glibc.close(connection)
    EchoListener.connectionsOpen.subtract(1, ordering: .relaxed)
  }

  private static func listen(_ place: Place) throws(CannotListen) -> Int32 {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let isBound: (Int32) -> Bool
    let family: Int32
    switch place {
    case .tcp(let ip, let port):
      let address = SocketAddress(ip: ip, port: port)
      family = ip.isV4 ? AF_INET : AF_INET6
      isBound = { descriptor in address.withSockaddr { bind(descriptor, $0, $1) == 0 } }
    case .unix(let path):
      family = AF_UNIX
      isBound = { bindUnix($0, path) }
    }
    let descriptor = socket(family, kind, 0)
    guard descriptor >= 0 else { throw CannotListen(reason: String(cString: strerror(errno))) }
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    guard isBound(descriptor), Glibc.listen(descriptor, 128) == 0 else {
      defer { Glibc.close(descriptor) }
      throw CannotListen(reason: String(cString: strerror(errno)))
    }
    return descriptor
  }

  private static func bindUnix(_ descriptor: Int32, _ path: String) -> Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      errno = ENAMETOOLONG
      return false
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
  }
}
