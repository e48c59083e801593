internal import Bytes
internal import Glibc

extension RouteTable {
  /// Whether SNI and authority name the same host; case, a trailing dot and the port don't matter. Without SNI, which a
  /// client need not send, there is nothing to disagree with. An authority that is no host is for `decide` to refuse.
  public static func agrees(
    serverName: UnsafeBufferPointer<UInt8>, authority: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    if serverName.isEmpty { return true }
    if begins(authority, with: serverName) { return true }
    let count = hostLength(serverName)
    guard count == hostLength(authority) else { return false }
    var at = 0
    while at < count {
      guard ASCII.lower(serverName[at]) == ASCII.lower(authority[at]) else { return false }
      at &+= 1
    }
    return true
  }

  /// What nearly every client sends: the authority is the server name as it stands, or that and a port.
  @inline(__always)
  private static func begins(
    _ authority: UnsafeBufferPointer<UInt8>, with serverName: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    // In brackets, a colon would not begin a port.
    guard authority.count >= serverName.count, authority[0] != UInt8(ascii: "["),
      memcmp(authority.baseAddress!, serverName.baseAddress!, serverName.count) == 0
    else { return false }
    return authority.count == serverName.count || authority[serverName.count] == UInt8(ascii: ":")
  }

  /// Without port and trailing dot. The colons of an address in brackets are no port's.
  @inline(__always)
  private static func hostLength(_ authority: UnsafeBufferPointer<UInt8>) -> Int {
    var end = 0
    var isBracketed = false
    while end < authority.count {
      let byte = authority[end]
      if byte == UInt8(ascii: "[") { isBracketed = true }
      if byte == UInt8(ascii: "]") { isBracketed = false }
      if byte == UInt8(ascii: ":"), !isBracketed { break }
      end &+= 1
    }
    return end > 0 && authority[end &- 1] == UInt8(ascii: ".") ? end &- 1 : end
  }
}
