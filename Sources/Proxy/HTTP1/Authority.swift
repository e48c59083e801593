import Bytes

/// `uri-host [ ":" port ]` (RFC 9110 §7.2), as it stands in `Host` or in an absolute-form target.
struct Authority {
  /// The host with its brackets, in the bytes that were read.
  var host: UnsafeBufferPointer<UInt8>
  /// -1 when there is none.
  var port: Int32

  /// nil for whatever is not exactly that: userinfo, paths, lists, whitespace, `%`, an empty host, an empty or impossible
  /// port. An empty port is allowed by RFC 3986 §3.2.3, sent by nobody, and compared in different ways.
  init?(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let first = bytes.first else { return nil }
    var end = 0
    if first == Byte.openBracket {
      end = 1
      var colons = 0
      while end < bytes.count, ByteClass.addressLiteral.contains(bytes[end]) {
        if bytes[end] == Byte.colon { colons &+= 1 }
        end &+= 1
      }
      // The shortest is `[::]`; the longest has 45 bytes between its brackets.
      guard end < bytes.count, bytes[end] == Byte.closeBracket, colons >= 2, end <= 46 else { return nil }
      end &+= 1
    } else {
      while end < bytes.count, ByteClass.registeredName.contains(bytes[end]) { end &+= 1 }
      guard end > 0 else { return nil }
    }
    host = UnsafeBufferPointer(rebasing: bytes[0..<end])
    port = -1
    if end == bytes.count { return }
    guard bytes[end] == Byte.colon, let number = Authority.portNumber(bytes, from: end &+ 1) else { return nil }
    port = number
  }

  private static func portNumber(_ bytes: UnsafeBufferPointer<UInt8>, from: Int) -> Int32? {
    guard from < bytes.count, bytes.count &- from <= 5 else { return nil }
    var number: Int32 = 0
    var index = from
    while index < bytes.count {
      guard ASCII.isDigit(bytes[index]) else { return nil }
      number = number &* 10 &+ Int32(bytes[index] &- 0x30)
      index &+= 1
    }
    return number <= 65535 ? number : nil
  }

  /// Whether both name the same origin under a scheme with that default port (RFC 9110 §4.2.3).
  func agrees(with other: Authority, defaultPort: Int32) -> Bool {
    guard (port < 0 ? defaultPort : port) == (other.port < 0 ? defaultPort : other.port) else { return false }
    guard host.count == other.host.count else { return false }
    var index = 0
    while index < host.count {
      if ASCII.lower(host[index]) != ASCII.lower(other.host[index]) { return false }
      index &+= 1
    }
    return true
  }
}
