/// ASCII rules that several grammars share.
@frozen
public enum ASCII {
  @inlinable @inline(__always)
  public static func lower(_ byte: UInt8) -> UInt8 {
    (byte &- 0x41) < 26 ? byte | 0x20 : byte
  }

  @inlinable @inline(__always)
  public static func isDigit(_ byte: UInt8) -> Bool { (byte &- 0x30) < 10 }

  /// Compares bytes with an ASCII literal that is written in lower case.
  @inlinable
  public static func equalsIgnoringCase(_ bytes: UnsafeBufferPointer<UInt8>, _ literal: StaticString) -> Bool {
    guard bytes.count == literal.utf8CodeUnitCount else { return false }
    let other = literal.utf8Start
    var index = 0
    while index < bytes.count {
      if lower(bytes[index]) != other[index] { return false }
      index &+= 1
    }
    return true
  }

  @inlinable
  public static func equals(_ bytes: UnsafeBufferPointer<UInt8>, _ literal: StaticString) -> Bool {
    guard bytes.count == literal.utf8CodeUnitCount else { return false }
    let other = literal.utf8Start
    var index = 0
    while index < bytes.count {
      if bytes[index] != other[index] { return false }
      index &+= 1
    }
    return true
  }

  /// Whether a comma-separated list (RFC 9110 §5.6.1) names `token`, which is written in lower case.
  @inlinable
  public static func listContains(_ list: UnsafeBufferPointer<UInt8>, _ token: StaticString) -> Bool {
    var start = 0
    while start < list.count {
      var end = start
      while end < list.count, list[end] != 0x2C { end &+= 1 }
      let item = trimmed(UnsafeBufferPointer(rebasing: list[start..<end]))
      if equalsIgnoringCase(item, token) { return true }
      start = end &+ 1
    }
    return false
  }

  /// Without leading and trailing spaces and tabs (OWS, RFC 9110 §5.6.3).
  @inlinable
  public static func trimmed(_ bytes: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
    var start = 0
    var end = bytes.count
    while start < end, bytes[start] == 0x20 || bytes[start] == 0x09 { start &+= 1 }
    while end > start, bytes[end &- 1] == 0x20 || bytes[end &- 1] == 0x09 { end &-= 1 }
    return UnsafeBufferPointer(rebasing: bytes[start..<end])
  }
}
