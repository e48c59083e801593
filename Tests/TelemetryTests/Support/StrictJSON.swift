/// A reader that accepts exactly RFC 8259, for checking what we write. Numbers stay text; order and repeats of members
/// are kept, so that a test can see both.
indirect enum StrictJSON: Equatable {
  case object([(key: String, value: StrictJSON)])
  case array([StrictJSON])
  case string(String)
  case number(String)
  case literal(String)

  subscript(key: String) -> StrictJSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }

  var text: String? {
    switch self {
    case .string(let text), .number(let text): text
    default: nil
    }
  }

  static func == (one: StrictJSON, other: StrictJSON) -> Bool {
    switch (one, other) {
    case (.object(let a), .object(let b)):
      a.count == b.count && zip(a, b).allSatisfy { $0.key == $1.key && $0.value == $1.value }
    case (.array(let a), .array(let b)): a == b
    case (.string(let a), .string(let b)), (.number(let a), .number(let b)), (.literal(let a), .literal(let b)): a == b
    default: false
    }
  }

  struct Failure: Error { let at: Int, why: String }

  static func parse(_ bytes: some Sequence<UInt8>) throws(Failure) -> StrictJSON {
    var reader = Reader(bytes: Array(bytes))
    // RFC 8259 §8.1: UTF-8, and nothing but.
    guard String(validating: reader.bytes, as: UTF8.self) != nil else { throw Failure(at: 0, why: "not UTF-8") }
    let value = try reader.value()
    reader.skipSpace()
    guard reader.at == reader.bytes.count else { throw Failure(at: reader.at, why: "something follows the value") }
    return value
  }

  private struct Reader {
    let bytes: [UInt8]
    var at = 0

    func failure(_ why: String) -> Failure { Failure(at: at, why: why) }
    var next: UInt8? { at < bytes.count ? bytes[at] : nil }

    mutating func skipSpace() {
      while let next, [0x20, 0x09, 0x0A, 0x0D].contains(next) { at += 1 }
    }

    mutating func expect(_ character: Character) throws(Failure) {
      guard next == character.asciiValue else { throw failure("expected \(character)") }
      at += 1
    }

    mutating func value() throws(Failure) -> StrictJSON {
      skipSpace()
      switch next {
      case UInt8(ascii: "{"): return try object()
      case UInt8(ascii: "["): return try array()
      case UInt8(ascii: "\""): return .string(try string())
      case UInt8(ascii: "t"): return try literal("true")
      case UInt8(ascii: "f"): return try literal("false")
      case UInt8(ascii: "n"): return try literal("null")
      default: return .number(try number())
      }
    }

    mutating func literal(_ word: String) throws(Failure) -> StrictJSON {
      for character in word { try expect(character) }
      return .literal(word)
    }

    mutating func object() throws(Failure) -> StrictJSON {
      var members: [(key: String, value: StrictJSON)] = []
      try expect("{")
      skipSpace()
      while next != UInt8(ascii: "}") {
        if !members.isEmpty { try expect(",") }
        skipSpace()
        let key = try string()
        skipSpace()
        try expect(":")
        members.append((key, try value()))
        skipSpace()
      }
      try expect("}")
      return .object(members)
    }

    mutating func array() throws(Failure) -> StrictJSON {
      var elements: [StrictJSON] = []
      try expect("[")
      skipSpace()
      while next != UInt8(ascii: "]") {
        if !elements.isEmpty { try expect(",") }
        elements.append(try value())
        skipSpace()
      }
      try expect("]")
      return .array(elements)
    }

    mutating func digits() throws(Failure) {
      let start = at
      while let next, (0x30...0x39).contains(next) { at += 1 }
      guard at > start else { throw failure("expected a digit") }
    }

    mutating func number() throws(Failure) -> String {
      let start = at
      if next == UInt8(ascii: "-") { at += 1 }
      if next == UInt8(ascii: "0") { at += 1 } else { try digits() }
      if next == UInt8(ascii: ".") {
        at += 1
        try digits()
      }
      if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
        at += 1
        if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { at += 1 }
        try digits()
      }
      return String(decoding: bytes[start..<at], as: UTF8.self)
    }

    mutating func string() throws(Failure) -> String {
      try expect("\"")
      var units: [UInt16] = []
      while true {
        guard let byte = next else { throw failure("the string does not end") }
        guard byte >= 0x20 else { throw failure("a control character in a string") }
        if byte == UInt8(ascii: "\"") { break }
        if byte == UInt8(ascii: "\\") {
          at += 1
          units.append(try escape())
          continue
        }
        let start = at
        at += 1
        while let next, next & 0xC0 == 0x80 { at += 1 }
        units.append(contentsOf: String(decoding: bytes[start..<at], as: UTF8.self).utf16)
      }
      at += 1
      guard let text = String(validating: units, as: UTF16.self) else { throw failure("a lone surrogate") }
      return text
    }

    mutating func escape() throws(Failure) -> UInt16 {
      guard let kind = next else { throw failure("the escape does not end") }
      at += 1
      switch Character(UnicodeScalar(kind)) {
      case "\"", "\\", "/": return UInt16(kind)
      case "b": return 8
      case "f": return 12
      case "n": return 10
      case "r": return 13
      case "t": return 9
      case "u":
        guard at + 4 <= bytes.count, bytes[at..<at + 4].allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) else {
          throw failure("four hex digits follow \\u")
        }
        defer { at += 4 }
        return UInt16(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)!
      default: throw failure("no such escape")
      }
    }
  }
}
