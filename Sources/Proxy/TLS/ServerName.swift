internal import Bytes

/// Rules for host names on the wire (RFC 6066 §3, RFC 5890 §2.3.2.1).
enum ServerName {
  static let maxCount = 255

  /// The host name inside a server_name extension, without a trailing dot; nil for anything that is not exactly one host name.
  /// OpenSSL parses the same bytes later and refuses the handshake when they are malformed.
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8>? {
    // ServerNameList length (2), name_type host_name (1), HostName length (2).
    guard bytes.count > 5, bytes[2] == 0 else { return nil }
    let list = Int(bytes[0]) << 8 | Int(bytes[1])
    let name = Int(bytes[3]) << 8 | Int(bytes[4])
    guard list == bytes.count - 2, name == bytes.count - 5, name <= maxCount else { return nil }
    // RFC 6066 §3 says "without a trailing dot", and clients are known to send it.
    let end = bytes[bytes.count - 1] == 0x2E ? bytes.count - 1 : bytes.count
    return UnsafeBufferPointer(rebasing: bytes[5..<end])
  }
}

extension ServerName {
  /// Whether `recorded`, a name as some client once wrote it, is the host `asked`, which is in lower case without a trailing dot.
  static func matches(_ asked: UnsafeBufferPointer<UInt8>, _ recorded: UnsafePointer<CChar>?) -> Bool {
    guard let recorded else { return asked.isEmpty }
    var index = 0
    while index < asked.count {
      // A shorter name ends in NUL, which no `asked` contains.
      if ASCII.lower(UInt8(bitPattern: recorded[index])) != asked[index] { return false }
      index += 1
    }
    return recorded[index] == 0 || (recorded[index] == 0x2E && recorded[index + 1] == 0)
  }
}
