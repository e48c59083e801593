public import Bytes
import Glibc

/// Finds the address of an upstream once, while the configuration is read, so that the data plane never looks names up.
public enum NameLookup {
  public struct Failure: Error {
    public let reason: String
    public init(reason: String) { self.reason = reason }
  }

  public static func resolve(_ name: String) -> Result<IPAddress, Failure> {
    // Not asked of the resolver: it may answer ::1 first, and most development servers listen on 127.0.0.1 alone.
    if name == "localhost" { return .success(IPAddress(v4: 0x7F00_0001)) }
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_ADDRCONFIG
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(name, nil, &hints, &found)
    guard status == 0, let first = found, let address = first.pointee.ai_addr else {
      return .failure(Failure(reason: String(cString: gai_strerror(status))))
    }
    defer { freeaddrinfo(first) }
    return .success(SocketAddress(UnsafePointer(address)).ip)
  }
}
