internal import Bytes
internal import Glibc

/// From a host to the addresses to try, in order.
enum Resolver {
  static func addresses(of host: String, port: UInt16) throws(ClientError) -> [SocketAddress] {
    if let ip = IPAddress(host) { return [SocketAddress(ip: ip, port: port)] }
    if ServerURL.isLocalName(host) {
      return [IPAddress(v4: 0x7F00_0001), IPAddress(high: 0, low: 1)].map { SocketAddress(ip: $0, port: port) }
    }
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    // Without it, machines that have no IPv6 would be sent to it first.
    hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, nil, &hints, &list)
    guard status == 0 else {
      throw .unknownHost(host, reason: String(cString: gai_strerror(status)))
    }
    defer { freeaddrinfo(list) }
    var found: [SocketAddress] = []
    var next = list
    while let entry = next {
      if let address = entry.pointee.ai_addr {
        let known = SocketAddress(address)
        if !known.ip.isUnspecified { found.append(SocketAddress(ip: known.ip, port: port)) }
      }
      next = entry.pointee.ai_next
    }
    guard !found.isEmpty else { throw .unknownHost(host, reason: "it has no address") }
    return found
  }
}
