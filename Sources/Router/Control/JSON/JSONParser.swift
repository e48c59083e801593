/// What is wrong with a text that should be JSON, and where: lines and columns are counted from 1, columns in bytes.
struct JSONError: Error, Hashable, CustomStringConvertible {
  let message: String
  let line: Int
  let column: Int

  var description: String { "\(message), at line \(line), column \(column)" }
}

/// Reads JSON (RFC 8259), strictly: UTF-8 only, one name once per object, no more than 32 levels.
///
/// Two readers that disagree about a repeated name are a way around validation, so such texts are refused.
struct JSONParser {
  static let depthMax = 32

  private let bytes: [UInt8]
  private var at = 0
  private var depth = 0

  static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
    var parser = JSONParser(bytes: bytes)
    let value = try parser.value()
    parser.skipSpace()
    if parser.at < bytes.count { throw parser.error("there is more behind the value") }
    return value
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private mutating func value() throws(JSONError) -> JSONValue {
    skipSpace()
    guard at < bytes.count else { throw error("the text ends where a value should begin") }
    switch bytes[at] {
    case UInt8(ascii: "{"): return try nested { parser throws(JSONError) in try parser.object() }
    case UInt8(ascii: "["): return try nested { parser throws(JSONError) in try parser.array() }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw error("no value begins like this")
    }
  }

  private mutating func nested(
    _ body: (inout JSONParser) throws(JSONError) -> JSONValue
  ) throws(JSONError) -> JSONValue {
    depth += 1
    if depth > JSONParser.depthMax { throw error("more than \(JSONParser.depthMax) levels") }
    let value = try body(&self)
    depth -= 1
    return value
  }

  private mutating func object() throws(JSONError) -> JSONValue {
    at += 1
    var members: [JSONValue.Member] = []
    var names: Set<String> = []
    skipSpace()
    if take(UInt8(ascii: "}")) { return .object([]) }
    while true {
      skipSpace()
      guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { throw error("a name in quotes is missing") }
      let name = try string()
      guard names.insert(name).inserted else { throw error("the name \(JSONValue.quoted(name)) is there twice") }
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw error("a colon is missing behind the name") }
      members.append(.init(name: name, value: try value()))
      skipSpace()
      if take(UInt8(ascii: ",")) { continue }
      guard take(UInt8(ascii: "}")) else { throw error("a comma or } is missing") }
      return .object(members)
    }
  }

  private mutating func array() throws(JSONError) -> JSONValue {
    at += 1
    var elements: [JSONValue] = []
    skipSpace()
    if take(UInt8(ascii: "]")) { return .array([]) }
    while true {
      elements.append(try value())
      skipSpace()
      if take(UInt8(ascii: ",")) { continue }
      guard take(UInt8(ascii: "]")) else { throw error("a comma or ] is missing") }
      return .array(elements)
    }
  }

  private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
    let end = at + text.utf8CodeUnitCount
    guard end <= bytes.count, bytes[at..<end].elementsEqual("\(text)".utf8) else { throw error("not a word of JSON") }
    at = end
    return value
  }

  // MARK: Places

  private mutating func skipSpace() {
    while at < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard at < bytes.count, bytes[at] == byte else { return false }
    at += 1
    return true
  }

  private func error(_ message: String) -> JSONError {
    let before = bytes[..<min(at, bytes.count)]
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    return JSONError(
      message: message, line: before.count { $0 == 0x0A } + 1, column: before.count - lineStart + 1)
  }
}

// MARK: Numbers and text

extension JSONParser {
  private mutating func number() throws(JSONError) -> JSONValue {
    let start = at
    var isWhole = true
    _ = take(UInt8(ascii: "-"))
    let first = at
    guard skipDigits() else { throw error("a digit is missing") }
    if bytes[first] == UInt8(ascii: "0"), at - first > 1 { throw error("a number has a leading zero") }
    if take(UInt8(ascii: ".")) {
      isWhole = false
      guard skipDigits() else { throw error("a digit is missing behind the point") }
    }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      isWhole = false
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      guard skipDigits() else { throw error("a digit is missing in the exponent") }
    }
    let text = String(decoding: bytes[start..<at], as: UTF8.self)
    if isWhole, let value = Int64(text) { return .int(value) }
    guard let value = Double(text), value.isFinite else { throw error("a number is too large") }
    return .double(value)
  }

  private mutating func skipDigits() -> Bool {
    let start = at
    while at < bytes.count, (0x30...0x39).contains(bytes[at]) { at += 1 }
    return at > start
  }

  private mutating func string() throws(JSONError) -> String {
    at += 1
    var out: [UInt8] = []
    while at < bytes.count {
      let byte = bytes[at]
      if byte == UInt8(ascii: "\"") {
        guard let text = String(validating: out, as: UTF8.self) else { throw error("a text is not UTF-8") }
        at += 1
        return text
      }
      if byte < 0x20 { throw error("a control character in a text has to be written as \\u00xx") }
      at += 1
      if byte == UInt8(ascii: "\\") { try escape(into: &out) } else { out.append(byte) }
    }
    throw error("a text has no end")
  }

  private mutating func escape(into out: inout [UInt8]) throws(JSONError) {
    guard at < bytes.count else { throw error("a text has no end") }
    let byte = bytes[at]
    at += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
    case UInt8(ascii: "b"): out.append(0x08)
    case UInt8(ascii: "f"): out.append(0x0C)
    case UInt8(ascii: "n"): out.append(0x0A)
    case UInt8(ascii: "r"): out.append(0x0D)
    case UInt8(ascii: "t"): out.append(0x09)
    case UInt8(ascii: "u"): out += Array(String(Character(try scalar())).utf8)
    default: throw error("no escape begins like this")
    }
  }

  /// The scalar of a `\u` escape, or of two that make a pair.
  private mutating func scalar() throws(JSONError) -> Unicode.Scalar {
    let first = try fourDigits()
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard (0xD800...0xDBFF).contains(first), take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
      throw error("half of a surrogate pair")
    }
    let second = try fourDigits()
    guard (0xDC00...0xDFFF).contains(second) else { throw error("half of a surrogate pair") }
    let value = 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
    guard let scalar = Unicode.Scalar(value) else { throw error("half of a surrogate pair") }
    return scalar
  }

  private mutating func fourDigits() throws(JSONError) -> UInt16 {
    guard at + 4 <= bytes.count else { throw error("four digits are missing behind \\u") }
    var value: UInt16 = 0
    for byte in bytes[at..<at + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
        throw error("four digits are missing behind \\u")
      }
      value = value << 4 | UInt16(digit)
    }
    at += 4
    return value
  }
}
