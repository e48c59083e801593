import Foundation
import Glibc

@testable import Client

/// A server on a free port of 127.0.0.1 that does with each connection what its script says, on a thread of its own.
final class ScriptedServer {
  let port: UInt16
  private let listener: Int32
  private let ended = DispatchSemaphore(value: 0)

  init(_ script: @escaping @Sendable (Peer) -> Void) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    self.listener = listener
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) == 0 && listen(listener, 8) == 0 && getsockname(listener, $0, &size) == 0
      }
    }
    precondition(status, "no port to listen on")
    port = UInt16(bigEndian: address.sin_port)
    let ended = ended
    Thread.detachNewThread {
      while case let connection = accept(listener, nil, nil), connection >= 0 {
        script(Peer(descriptor: connection))
      }
      ended.signal()
    }
  }

  /// Answers every request in the same way: reads its head, says `answer`, ends.
  convenience init(answer: String) {
    self.init { peer in
      _ = peer.head()
      peer.send(answer)
      peer.close()
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    ended.wait()
    close(listener)
  }

  var client: HTTPClient {
    var client = HTTPClient(server: try! ServerURL("http://127.0.0.1:\(port)"))
    client.connectTimeoutMs = 5_000
    return client
  }
}

/// The server's end of a connection.
final class Peer {
  private let descriptor: Int32
  private var isOpen = true
  private(set) var received: [UInt8] = []

  init(descriptor: Int32) {
    self.descriptor = descriptor
    var patience = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close() }

  func close() {
    if isOpen { Glibc.close(descriptor) }
    isOpen = false
  }

  /// Closes so that the client gets a reset.
  func reset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  /// False when the client takes no more.
  @discardableResult func send(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return false }
      sent += count
    }
    return true
  }

  @discardableResult func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  func receive() -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    return count > 0 ? Array(buffer[..<count]) : nil
  }

  /// Everything through `mark`; what follows it stays.
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

  func head() -> String? { receive(through: "\r\n\r\n") }

  /// `count` bytes of body.
  func body(_ count: Int) -> [UInt8] {
    while received.count < count, let more = receive() { received += more }
    defer { received.removeFirst(min(count, received.count)) }
    return Array(received.prefix(count))
  }

  /// Everything until the client has gone.
  func rest() -> [UInt8] {
    while let more = receive() { received += more }
    return received
  }
}

/// What a script saw, for the test's own thread. Empty until `take` has waited for it.
final class Box<Value: Sendable>: @unchecked Sendable {
  private var value: Value?  // Written before the signal, read after it.
  private let isThere = DispatchSemaphore(value: 0)

  func put(_ value: Value) {
    self.value = value
    isThere.signal()
  }

  func take() -> Value? {
    guard isThere.wait(timeout: .now() + 10) == .success else { return nil }
    return value
  }
}
