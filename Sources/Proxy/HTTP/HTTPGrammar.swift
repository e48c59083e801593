import Bytes

/// Rules on single values that HTTP/1.1 and HTTP/2 share.
public enum HTTPGrammar {
  /// Origin-form, or `*` for OPTIONS (RFC 9112 §3.2). Bytes from 0x80 are passed on as they are; controls, space and
  /// `#` are refused, since they could end or cut the request line elsewhere.
  public static func isTarget(_ path: UnsafeBufferPointer<UInt8>, method: Method) -> Bool {
    guard let first = path.first else { return false }
    if first != 0x2F { return first == 0x2A && path.count == 1 && method == .options }
    for byte in path where byte <= 0x20 || byte == 0x7F || byte == 0x23 { return false }
    return true
  }

  /// Digits only, no sign, no list, and below 2^63 (RFC 9110 §8.6).
  public static func contentLength(_ value: UnsafeBufferPointer<UInt8>) -> UInt64? {
    guard !value.isEmpty, value.count <= 19 else { return nil }
    var sum: UInt64 = 0
    for byte in value {
      guard ASCII.isDigit(byte) else { return nil }
      sum = sum &* 10 &+ UInt64(byte &- 0x30)
    }
    return sum <= UInt64(Int64.max) ? sum : nil
  }

  /// `host` or `host:port`: a registered name, an IPv4 address or a bracketed IPv6 address; no user information
  /// (RFC 3986 §3.2, RFC 9110 §4.2.4).
  public static func isAuthority(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
    guard !value.isEmpty, value.count <= 512 else { return false }
    var at = 0
    if value[0] == 0x5B {
      at = 1
      while at < value.count, isHex(value[at]) || value[at] == 0x3A || value[at] == 0x2E { at += 1 }
      guard at > 2, at < value.count, value[at] == 0x5D else { return false }
      at += 1
    } else {
      while at < value.count, isNameByte(value[at]) { at += 1 }
      guard at > 0 else { return false }
    }
    if at == value.count { return true }
    guard value[at] == 0x3A, value.count - at <= 6 else { return false }
    var port = 0
    for byte in value[(at + 1)...] {
      guard ASCII.isDigit(byte) else { return false }
      port = port * 10 + Int(byte - 0x30)
    }
    return port <= 65_535
  }

  private static func isHex(_ byte: UInt8) -> Bool { ASCII.isDigit(byte) || (ASCII.lower(byte) &- 0x61) < 6 }

  /// Unreserved, and the sub-delims that some resolvers take; no `%`, comma or quote, which no host of ours has.
  private static func isNameByte(_ byte: UInt8) -> Bool {
    (ASCII.lower(byte) &- 0x61) < 26 || ASCII.isDigit(byte) || byte == 0x2D || byte == 0x2E || byte == 0x5F
      || byte == 0x7E
  }

  /// Whether two authorities are the same but for case.
  public static func sameAuthority(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Bool {
    guard a.count == b.count else { return false }
    for index in 0..<a.count where ASCII.lower(a[index]) != ASCII.lower(b[index]) { return false }
    return true
  }
}
