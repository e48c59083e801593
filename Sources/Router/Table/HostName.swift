internal import Bytes

/// The host of an authority in the form that is compared: lower case, no trailing dot, no port, every byte checked.
///
/// It lives in the caller's scratch memory and ends with it.
struct HostName {
  let bytes: UnsafeBufferPointer<UInt8>
  /// Where the first dot is; `bytes.count` where there is none.
  let firstDot: Int

  /// RFC 1035 §2.3.4 allows 255 octets on the wire, which is 253 written characters.
  static let lengthMax = 253
  /// The longest host, its trailing dot, and `:65535`.
  static let authorityLengthMax = lengthMax + 1 + 6

  /// Nil where `authority` is not a host with at most a port: those requests are refused as malformed.
  ///
  /// Stricter than RFC 3986 §3.2.2, which also allows `%41` and `!$&'()*+,;=` in a name: no DNS name has them, and what
  /// two parsers may read in two ways is refused. `scratch` holds at least `authorityLengthMax` bytes.
  @inline(__always)
  init?(_ authority: UnsafeBufferPointer<UInt8>, scratch: UnsafeMutablePointer<UInt8>) {
    guard authority.count <= HostName.authorityLengthMax, let first = authority.first else { return nil }
    guard first != UInt8(ascii: "[") else {
      self.init(literal: authority, scratch: scratch)
      return
    }

    let source = authority.baseAddress!
    var at = 0
    var labelStart = 0
    var firstDot = -1
    while at < authority.count {
      let byte = ASCII.lower(source[at])
      if !HostName.isNameByte(byte) {
        if byte == UInt8(ascii: ":") { break }
        guard byte == UInt8(ascii: "."), at != labelStart else { return nil }  // an empty label
        if firstDot < 0 { firstDot = at }
        labelStart = at &+ 1
      }
      scratch[at] = byte
      at &+= 1
    }
    guard HostName.isPortSuffix(authority, from: at) else { return nil }

    let endsInDot = at == labelStart
    let count = endsInDot ? at &- 1 : at
    guard count > 0, count <= HostName.lengthMax else { return nil }
    self.init(bytes: UnsafeBufferPointer(start: scratch, count: count), firstDot: firstDot < 0 ? count : firstDot)
  }

  private init(bytes: UnsafeBufferPointer<UInt8>, firstDot: Int) {
    self.bytes = bytes
    self.firstDot = firstDot
  }

  /// `[2001:db8::1]`: kept with its brackets, so that it can be no name. Whether it is an address at all matters to
  /// nobody: it only ever equals the same text in a gateway route.
  private init?(literal authority: UnsafeBufferPointer<UInt8>, scratch: UnsafeMutablePointer<UInt8>) {
    guard let close = authority.firstIndex(of: UInt8(ascii: "]")), close > 1 else { return nil }
    for at in 0...close {
      let byte = ASCII.lower(authority[at])
      let isAddressByte =
        ASCII.isDigit(byte) || (byte &- 0x61) < 6 || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
      guard isAddressByte || at == 0 || at == close else { return nil }
      scratch[at] = byte
    }
    guard HostName.isPortSuffix(authority, from: close + 1) else { return nil }
    self.init(bytes: UnsafeBufferPointer(start: scratch, count: close + 1), firstDot: close + 1)
  }

  var label: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: bytes.baseAddress, count: firstDot) }

  /// What follows the first dot; empty where there is none.
  var parent: UnsafeBufferPointer<UInt8> {
    guard firstDot < bytes.count else { return UnsafeBufferPointer(start: nil, count: 0) }
    let skipped = firstDot &+ 1
    return UnsafeBufferPointer(start: bytes.baseAddress! + skipped, count: bytes.count &- skipped)
  }

  /// Letters in lower case, digits, `-`, and `_`, which real hosts have although RFC 952 does not.
  @inline(__always)
  private static func isNameByte(_ byte: UInt8) -> Bool {
    (byte &- 0x61) < 26 || ASCII.isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
  }

  /// Nothing, or a colon and one to five digits that make a port.
  @inline(__always)
  private static func isPortSuffix(_ authority: UnsafeBufferPointer<UInt8>, from start: Int) -> Bool {
    if start == authority.count { return true }
    let digits = authority.count &- start &- 1
    guard authority[start] == UInt8(ascii: ":"), digits >= 1, digits <= 5 else { return false }
    var value: UInt32 = 0
    var at = start &+ 1
    while at < authority.count {
      guard ASCII.isDigit(authority[at]) else { return false }
      value = value &* 10 &+ UInt32(authority[at] &- 0x30)
      at &+= 1
    }
    return value <= 65535
  }
}

extension HostName {
  /// For the cold path, which has its hosts as text.
  static func with<R>(_ text: String, _ body: (HostName?) -> R) -> R {
    var text = text
    return text.withUTF8 { authority in
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: authorityLengthMax) { scratch in
        body(HostName(authority, scratch: scratch.baseAddress!))
      }
    }
  }

  var text: String { String(decoding: bytes, as: UTF8.self) }
}
