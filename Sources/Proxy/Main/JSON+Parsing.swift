import Bytes

extension JSON {
  /// Reads one document (RFC 8259); nil for anything else. Bytes that are no UTF-8 become U+FFFD.
  init?(parsing bytes: [UInt8]) {
    var parser = JSONParser(bytes: bytes)
    guard let value = parser.document() else { return nil }
    self = value
  }

  init?(parsing text: String) { self.init(parsing: Array(text.utf8)) }
}

/// Strict but for duplicate names, which are kept. Foundation's parser loses the order of the members.
private struct JSONParser {
  /// An answer that is nested deeper has nothing to say, and the stack is finite.
  private static let depthMax = 128

  private let bytes: [UInt8]
  private var at = 0
  private var depth = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() -> JSON? {
    guard let value = value() else { return nil }
    skipSpace()
    return at == bytes.count ? value : nil
  }

  private var byte: UInt8? { at < bytes.count ? bytes[at] : nil }

  private mutating func skipSpace() {
    while let byte, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { at += 1 }
  }

  private mutating func take(_ wanted: UInt8) -> Bool {
    skipSpace()
    guard byte == wanted else { return false }
    at += 1
    return true
  }

  private mutating func value() -> JSON? {
    skipSpace()
    switch byte {
    case UInt8(ascii: "{"): return nested { $0.object() }
    case UInt8(ascii: "["): return nested { $0.list() }
    case UInt8(ascii: "\""): return text().map { .string($0) }
    case UInt8(ascii: "t"): return word("true", .bool(true))
    case UInt8(ascii: "f"): return word("false", .bool(false))
    case UInt8(ascii: "n"): return word("null", .null)
    default: return number()
    }
  }

  private mutating func nested(_ body: (inout JSONParser) -> JSON?) -> JSON? {
    guard depth < JSONParser.depthMax else { return nil }
    depth += 1
    at += 1
    let value = body(&self)
    depth -= 1
    return value
  }

  private mutating func object() -> JSON? {
    var members: [(String, JSON)] = []
    if take(UInt8(ascii: "}")) { return .object([]) }
    while true {
      skipSpace()
      guard let name = text(), take(UInt8(ascii: ":")), let value = value() else { return nil }
      members.append((name, value))
      if take(UInt8(ascii: "}")) { return .object(members) }
      guard take(UInt8(ascii: ",")) else { return nil }
    }
  }

  private mutating func list() -> JSON? {
    var items: [JSON] = []
    if take(UInt8(ascii: "]")) { return .array([]) }
    while true {
      guard let value = value() else { return nil }
      items.append(value)
      if take(UInt8(ascii: "]")) { return .array(items) }
      guard take(UInt8(ascii: ",")) else { return nil }
    }
  }

  private mutating func word(_ word: String, _ value: JSON) -> JSON? {
    guard bytes[at...].starts(with: word.utf8) else { return nil }
    at += word.utf8.count
    return value
  }

  // MARK: Numbers

  private mutating func number() -> JSON? {
    let start = at
    if byte == UInt8(ascii: "-") { at += 1 }
    if byte == UInt8(ascii: "0") { at += 1 } else { guard digits() else { return nil } }
    if byte == UInt8(ascii: ".") {
      at += 1
      guard digits() else { return nil }
    }
    if let letter = byte, letter | 0x20 == UInt8(ascii: "e") {
      at += 1
      if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { at += 1 }
      guard digits() else { return nil }
    }
    return .literal(String(decoding: bytes[start..<at], as: UTF8.self))
  }

  private mutating func digits() -> Bool {
    let start = at
    while let byte, ASCII.isDigit(byte) { at += 1 }
    return at > start
  }

  // MARK: Strings

  private mutating func text() -> String? {
    guard byte == UInt8(ascii: "\"") else { return nil }
    at += 1
    var out: [UInt8] = []
    while let next = byte {
      at += 1
      switch next {
      case UInt8(ascii: "\""): return String(decoding: out, as: UTF8.self)
      case UInt8(ascii: "\\"): guard escape(into: &out) else { return nil }
      case 0..<0x20: return nil
      default: out.append(next)
      }
    }
    return nil
  }

  private mutating func escape(into out: inout [UInt8]) -> Bool {
    guard let letter = byte else { return false }
    at += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(letter)
    case UInt8(ascii: "b"): out.append(0x08)
    case UInt8(ascii: "f"): out.append(0x0C)
    case UInt8(ascii: "n"): out.append(0x0A)
    case UInt8(ascii: "r"): out.append(0x0D)
    case UInt8(ascii: "t"): out.append(0x09)
    case UInt8(ascii: "u"):
      guard let unit = unit() else { return false }
      out += Array(String(character(from: unit)).utf8)
    default: return false
    }
    return true
  }

  /// Four hexadecimal digits.
  private mutating func unit() -> UInt32? {
    guard at + 4 <= bytes.count else { return nil }
    var value: UInt32 = 0
    for digit in bytes[at..<at + 4] {
      guard let number = Character(UnicodeScalar(digit)).hexDigitValue else { return nil }
      value = value << 4 | UInt32(number)
    }
    at += 4
    return value
  }

  /// Half a surrogate pair without its other half becomes U+FFFD.
  private mutating func character(from unit: UInt32) -> Character {
    let start = at
    if (0xD800..<0xDC00).contains(unit), bytes[at...].starts(with: "\\u".utf8) {
      at += 2
      if let low = self.unit(), (0xDC00..<0xE000).contains(low),
        let scalar = UnicodeScalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
      {
        return Character(scalar)
      }
      at = start
    }
    return Character(UnicodeScalar(unit) ?? "\u{FFFD}")
  }
}
