import Bytes
import Dispatch
import Foundation

/// A sandbox's service: every connection runs the script on a thread of its own.
final class Origin: @unchecked Sendable {
  // Sendable: all that changes is behind the lock.
  let port: UInt16
  private let listener: Int32
  private let lock = NSLock()
  private var sockets: [PlainSocket] = []
  private var isStopped = false
  private let running = DispatchGroup()

  init(_ script: @escaping @Sendable (PlainSocket) -> Void) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    self.listener = listener
    let status = SocketAddress("127.0.0.1:0")!.withSockaddr { bind(listener, $0, $1) }
    precondition(status == 0 && listen(listener, 128) == 0, "no port for an origin")
    var name = sockaddr_in()
    var count = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutablePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &count) }
    }
    port = UInt16(bigEndian: name.sin_port)
    running.enter()
    Thread.detachNewThread { [self] in
      while true {
        let fd = accept(listener, nil, nil)
        if fd < 0 { break }
        // More patient than any test: an origin that gives up ends what the test is about.
        let socket = PlainSocket(fd: fd, patienceMs: 60_000)
        let isLate = lock.withLock {
          sockets.append(socket)
          return isStopped
        }
        if isLate { break }
        running.enter()
        Thread.detachNewThread { [self] in
          script(socket)
          if socket.fd >= 0 { socket.shut() }
          running.leave()
        }
      }
      running.leave()
    }
  }

  var host: String { "\(port)-a.p.test" }

  /// Ends every connection and waits for the scripts.
  func stop() {
    let open = lock.withLock {
      isStopped = true
      return sockets
    }
    shutdown(listener, Int32(SHUT_RDWR))
    for socket in open where socket.fd >= 0 { socket.shut() }
    running.wait()
    close(listener)
    for socket in open { socket.close() }
  }
}

/// Answers requests as they come, `body` bytes each, until the peer goes.
@Sendable func answering(_ answer: String) -> @Sendable (PlainSocket) -> Void {
  { socket in while socket.receive(through: "\r\n\r\n") != nil, socket.send(answer) {} }
}
