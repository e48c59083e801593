import Bytes
import Glibc
import Sandbox

/// The smallest HTTP client: one request on a connection of its own.
enum Probe {
  /// The answer with its head, or nil where nobody answers, or not within two seconds.
  static func get(_ address: SandboxAddress, _ port: UInt16, _ target: String = "/", _ fields: String = "") -> String? {
    guard let descriptor = dial(address, port) else { return nil }
    defer { close(descriptor) }
    let request = "GET \(target) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(fields)\r\n"
    guard send(descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL)) == request.utf8.count else { return nil }
    let answer = readAll(descriptor)
    return answer.isEmpty ? nil : answer
  }

  /// What is between the quotes behind `"name":`.
  static func text(_ name: String, in answer: String?) -> String? {
    guard let answer, let start = answer.firstRange(of: "\"\(name)\":\"") else { return nil }
    return String(answer[start.upperBound...].prefix { $0 != "\"" })
  }

  static func number(_ name: String, in answer: String?) -> Int? {
    guard let answer, let start = answer.firstRange(of: "\"\(name)\":") else { return nil }
    return Int(answer[start.upperBound...].prefix { $0.isNumber })
  }

  static func dial(_ address: SandboxAddress, _ port: UInt16) -> Int32? {
    switch address.endpointOfAnyPort.resolved(port: port) {
    case .tcp(let socketAddress):
      return connected(socketAddress.ip.isV4 ? AF_INET : AF_INET6) { descriptor in
        socketAddress.withSockaddr { connect(descriptor, $0, $1) }
      }
    case .unix(let path):
      var name = sockaddr_un()
      name.sun_family = sa_family_t(AF_UNIX)
      guard path.utf8.count < MemoryLayout.size(ofValue: name.sun_path) else { return nil }
      withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
      return connected(AF_UNIX) { descriptor in
        withUnsafePointer(to: &name) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
          }
        }
      }
    }
  }

  private static func connected(_ family: Int32, _ connect: (Int32) -> Int32) -> Int32? {
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    var limit = timeval(tv_sec: 2, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    if connect(descriptor) == 0 { return descriptor }
    close(descriptor)
    return nil
  }

  static func readAll(_ descriptor: Int32) -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += buffer[..<count]
    }
  }
}
