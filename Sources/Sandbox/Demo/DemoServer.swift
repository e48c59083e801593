import Glibc
import Synchronization

/// The application behind `porthole up`: small, real, and in need of nothing but this executable.
///
/// It stands for what people run in sandboxes: plain blocking sockets, one thread per connection, no idea that a proxy
/// is in front. It listens on loopback only.
public final class DemoServer: Sendable {
  public struct CannotListen: Error, CustomStringConvertible {
    public let port: UInt16
    public let isTaken: Bool
    let reason: String
    public var description: String { "the demo application cannot listen on 127.0.0.1:\(port): \(reason)" }
  }

  /// A browser opens six; a proxy's pool a few dozen. Each costs a thread.
  static let connectionsMax = 256

  public let port: UInt16
  private let listener: Int32
  private let connectionsOpen = Atomic<Int>(0)
  private let room = ChatRoom()
  private let startedMs = Clock.nowMs

  /// Binds at once, so that a taken port is an error here. Port 0 takes any free one.
  public init(port: UInt16) throws(CannotListen) {
    func failure() -> CannotListen {
      CannotListen(port: port, isTaken: errno == EADDRINUSE, reason: String(cString: strerror(errno)))
    }
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw failure() }
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && listen(descriptor, 128) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard bound else {
      defer { close(descriptor) }
      throw failure()
    }
    listener = descriptor
    self.port = UInt16(bigEndian: address.sin_port)
  }

  /// Serves on threads of its own until the process ends.
  public func start() {
    Threads.start { self.run() }
  }

  /// Serves on this thread until the process ends.
  public func run() {
    while true {
      let descriptor = accept(listener, nil, nil)
      if descriptor >= 0 {
        admit(descriptor)
      } else if errno == EMFILE || errno == ENFILE || errno == ENOMEM {
        // Nothing to accept with: wait for a connection to end instead of spinning.
        usleep(50_000)
      } else if errno != EINTR, errno != ECONNABORTED {
        return
      }
    }
  }

  private func admit(_ descriptor: Int32) {
    let open = connectionsOpen.add(1, ordering: .relaxed).newValue
    let started =
      open <= DemoServer.connectionsMax
      && Threads.start {
        DemoConnection(Connection(descriptor), room: self.room, startedMs: self.startedMs).serve()
        close(descriptor)
        self.connectionsOpen.subtract(1, ordering: .relaxed)
      }
    if started { return }
    connectionsOpen.subtract(1, ordering: .relaxed)
    _ = Connection(descriptor).send(
      Array("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8))
    close(descriptor)
  }
}
