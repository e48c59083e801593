/// Percent-encoding (RFC 3986 §2.1).
enum PercentText {
  /// Nil for a percent sign without two digits, and for what is not UTF-8 then.
  static func decode(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
    var out: [UInt8] = []
    var bytes = text.utf8.makeIterator()
    while let byte = bytes.next() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = bytes.next().flatMap(digit), let low = bytes.next().flatMap(digit) else { return nil }
        out.append(high << 4 | low)
      case UInt8(ascii: "+") where plusIsSpace: out.append(0x20)
      default: out.append(byte)
      }
    }
    return String(validating: out, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }

  /// Everything but unreserved characters (RFC 3986 §2.3).
  static func encode(_ text: String) -> String {
    var out = ""
    for byte in text.utf8 {
      if TextRule.isAlphanumeric(byte) || "-._~".utf8.contains(byte) {
        out.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        out += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return out
  }

  /// The parameters of a query (`application/x-www-form-urlencoded`); nil where it can't be read.
  static func parameters(_ query: String) -> [(name: String, value: String)]? {
    var parameters: [(name: String, value: String)] = []
    for pair in query.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = decode(parts[0], plusIsSpace: true),
        let value = decode(parts.count > 1 ? parts[1] : "", plusIsSpace: true)
      else { return nil }
      parameters.append((name, value))
    }
    return parameters
  }
}
