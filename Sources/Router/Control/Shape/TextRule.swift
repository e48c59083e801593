internal import Bytes
internal import Sandbox

/// What a text has to be. `check` decides; `format` and `pattern` tell the OpenAPI document's readers as much of it as
/// those can say.
struct TextRule: Sendable {
  let expected: String
  /// In characters.
  var lengths: ClosedRange<Int> = 0...Int.max
  var format: String?
  var pattern: String?
  let check: @Sendable (String) -> Bool

  func accepts(_ text: String) -> Bool { lengths.contains(text.unicodeScalars.count) && check(text) }
}

extension TextRule {
  static let any = TextRule(expected: "text") { _ in true }
  static let time = TextRule(expected: "a time", format: "date-time") { _ in true }
  static let url = TextRule(expected: "a URL", format: "uri") { _ in true }

  /// Shown to people: no control characters, which could forge a line or drive a terminal.
  static func printable(_ what: String, _ lengths: ClosedRange<Int>) -> TextRule {
    TextRule(
      expected: "\(what) of \(lengths.lowerBound) to \(lengths.upperBound) characters without control characters",
      lengths: lengths, pattern: #"^[^\u0000-\u001F\u007F-\u009F]*$"#, check: isPrintable)
  }

  static let name = printable("a name", 1...128)

  /// Anything a program may hold, but for the NUL that ends it for the system.
  static func noNUL(_ what: String, _ lengths: ClosedRange<Int>) -> TextRule {
    TextRule(
      expected: "\(what) of \(lengths.lowerBound) to \(lengths.upperBound) characters without NUL", lengths: lengths,
      pattern: #"^[^\u0000]*$"#
    ) { !$0.utf8.contains(0) }
  }

  static let filePath = noNUL("a path", 1...4096)

  static let sandboxID = TextRule(
    expected: "an id: a letter, then letters, digits and hyphens, at most 57, in lower case", lengths: 1...57,
    pattern: "^[a-z]([a-z0-9-]{0,55}[a-z0-9])?$"
  ) { SandboxID($0) != nil }

  static let image = TextRule(
    expected: "an image such as \"python:3.12-slim\"", lengths: 1...255,
    pattern: "^[A-Za-z0-9][A-Za-z0-9._/:@+-]*$"
  ) { text in
    guard let first = text.utf8.first, isAlphanumeric(first) else { return false }
    return text.utf8.allSatisfy { isAlphanumeric($0) || "._/:@+-".utf8.contains($0) }
  }

  static let environmentName = TextRule(
    expected: "a variable's name: letters, digits and _", lengths: 1...255, pattern: "^[A-Za-z_][A-Za-z0-9_]*$"
  ) { text in
    guard let first = text.utf8.first, !ASCII.isDigit(first) else { return false }
    return text.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "_") }
  }

  static let cidr = TextRule(
    expected: "an address or a block of addresses such as \"192.0.2.0/24\"", lengths: 1...64
  ) { CIDR($0) != nil }

  /// RFC 9110 §5.6.2: a token. Compared in upper case, as the standard methods are written.
  static let method = TextRule(
    expected: "a method such as \"GET\"", lengths: 1...32, pattern: "^[A-Z!#$%&'*+.^_`|~0-9-]+$"
  ) { text in
    text.utf8.allSatisfy { (0x41...0x5A).contains($0) || ASCII.isDigit($0) || "!#$%&'*+.^_`|~-".utf8.contains($0) }
  }

  static let origin = TextRule(
    expected: "an origin such as \"https://app.example.com\", without a path", lengths: 1...300
  ) { WebOrigin.normalized($0) != nil }

  static let hostPolicy = TextRule(
    expected: "\"public\", \"localhost\", or a host name with or without a port", lengths: 1...260
  ) { isHostPolicy($0) }

  static let pathPrefix = TextRule(
    expected:
      "a path that begins with / and has no . or .. segments, percent-encodings of / . \\ %, backslashes, ? or #",
    lengths: 1...1024, check: isPathPrefix)

  /// Where a link leads: what the bootstrap would follow.
  static let next = TextRule(
    expected: "a path on the same host, beginning with one /", lengths: 1...2048, check: isNext)

  static let requestPath = TextRule(
    expected: "a path that begins with /, in visible ASCII", lengths: 1...2048
  ) { $0.hasPrefix("/") && $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } }
}

// MARK: Checks

extension TextRule {
  @Sendable private static func isPrintable(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
      switch scalar.value {
      // Controls, and what turns the direction of text around so that a name reads as another.
      case 0..<0x20, 0x7F...0x9F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: false
      default: true
      }
    }
  }

  static func isAlphanumeric(_ byte: UInt8) -> Bool {
    ASCII.isDigit(byte) || (0x61...0x7A).contains(ASCII.lower(byte))
  }

  private static func isHostPolicy(_ text: String) -> Bool {
    if text == "public" || text == "localhost" { return true }
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard DNSName.isValid(String(parts[0]).lowercased()) || IPAddress(String(parts[0])) != nil else { return false }
    return parts.count == 1 || port(parts[1]) != nil
  }

  /// Decimal, 1–65535, no leading zero.
  static func port(_ text: some StringProtocol) -> UInt16? {
    guard let first = text.utf8.first, first != 0x30, text.utf8.count <= 5, text.utf8.allSatisfy(ASCII.isDigit) else {
      return nil
    }
    return UInt16(text)
  }

  /// A prefix is compared with paths as they are sent. So it must have one spelling only: nothing that a server might
  /// resolve away or decode to a separator.
  @Sendable private static func isPathPrefix(_ text: String) -> Bool {
    guard isPlainPath(text), !text.utf8.contains(UInt8(ascii: "?")) else { return false }
    let folded = text.lowercased()
    if ["%2f", "%2e", "%5c", "%25", "%00"].contains(where: { folded.contains($0) }) { return false }
    return !text.split(separator: "/").contains { $0 == "." || $0 == ".." }
  }

  @Sendable private static func isNext(_ text: String) -> Bool {
    let path = text.prefix { $0 != "?" }.lowercased()
    return isPlainPath(text) && !text.hasPrefix("//") && !path.contains("%2f") && !path.contains("%5c")
  }

  /// `/…` in visible ASCII without backslash and fragment, percent signs followed by two digits.
  private static func isPlainPath(_ text: String) -> Bool {
    guard text.hasPrefix("/") else { return false }
    let bytes = Array(text.utf8)
    for (index, byte) in bytes.enumerated() {
      guard (0x21...0x7E).contains(byte), byte != UInt8(ascii: "\\"), byte != UInt8(ascii: "#") else { return false }
      if byte == UInt8(ascii: "%") {
        guard index + 2 < bytes.count, isHex(bytes[index + 1]), isHex(bytes[index + 2]) else { return false }
      }
    }
    return true
  }

  private static func isHex(_ byte: UInt8) -> Bool {
    ASCII.isDigit(byte) || (0x61...0x66).contains(ASCII.lower(byte))
  }
}
