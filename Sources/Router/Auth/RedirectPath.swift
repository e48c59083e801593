/// Where a bootstrap link leads after the cookie is set. Its caller may change `next` after the link was minted, so it is
/// taken for a stranger's word: a path on the same host, or `/`.
public enum RedirectPath {
  /// Longer ones lead to `/`: they would not fit a request line anyway.
  public static let lengthMax = 8_192

  /// The value of `Location` for a `next` that has been percent-decoded once, as a query parameter is.
  ///
  /// What a browser could read as another host goes to `/`: anything that does not begin with one slash, a backslash
  /// anywhere (the URL standard reads it as a slash), controls (which it strips from the middle of a URL), and what
  /// becomes one of these when it is decoded once more, or when dots are resolved. So does Porthole's own prefix: no link
  /// leads to another link. Bytes that may not stand in a URL are percent-encoded.
  public static func safe(_ next: [UInt8]) -> String {
    guard next.first == slash, next.count <= lengthMax, !next.contains(where: isForbidden) else { return "/" }
    let path = next.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
    guard !leadsElsewhere(path) else { return "/" }
    var out: [UInt8] = []
    out.reserveCapacity(next.count)
    for byte in next {
      if isURLByte(byte) { out.append(byte) } else { out += percent(byte) }
    }
    return String(decoding: out, as: UTF8.self)
  }

  private static let slash = UInt8(ascii: "/")

  private static func isForbidden(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: "\\") }

  /// Whether the path, decoded once more and without its leading dot segments, would begin with two slashes or with our
  /// prefix. `%25` hides one more round of the same, so it counts as what it hides.
  private static func leadsElsewhere(_ path: ArraySlice<UInt8>) -> Bool {
    let plain = decoded(decoded(Array(path)))
    if plain.contains(where: isForbidden) { return true }
    var rest = plain[...]
    while true {
      if rest.starts(with: "/./".utf8) { rest = rest.dropFirst(2); continue }
      if rest.starts(with: "/../".utf8) { rest = rest.dropFirst(3); continue }
      break
    }
    if rest.starts(with: "//".utf8) { return true }
    let prefix = Array("/.porthole".utf8)
    guard rest.starts(with: prefix) else { return false }
    return rest.count == prefix.count || rest[rest.startIndex + prefix.count] == slash
  }

  static func decoded(_ bytes: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    var at = 0
    while at < bytes.count {
      if bytes[at] == UInt8(ascii: "%"), at + 2 < bytes.count, let high = hex(bytes[at + 1]),
        let low = hex(bytes[at + 2])
      {
        out.append(high << 4 | low)
        at += 3
      } else {
        out.append(bytes[at])
        at += 1
      }
    }
    return out
  }

  static func hex(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }

  /// RFC 3986 §2: unreserved and reserved characters, and the percent sign of what is encoded already.
  private static func isURLByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: "-._~:/?#[]@!$&'()*+,;=%".utf8.contains(byte)
    }
  }

  private static func percent(_ byte: UInt8) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    return [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
  }
}
