/// JSON with its members in the order in which they are given, or came.
indirect enum JSON: Equatable {
  case null
  case bool(Bool)
  case number(Int)
  /// A number as somebody else wrote it: neither digits nor exponents are lost.
  case literal(String)
  case string(String)
  case array([JSON])
  case object([(String, JSON)])

  static func strings(_ texts: [String]) -> JSON { .array(texts.map { .string($0) }) }

  static func optional(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }

  static func == (one: JSON, other: JSON) -> Bool { one.compact == other.compact }
}

// Writing

extension JSON {
  /// Indented by two, for people who look at it without a tool.
  func text(indent: String = "") -> String {
    let inner = indent + "  "
    switch self {
    case .null, .bool, .number, .literal, .string: return compact
    case .array(let items):
      if items.isEmpty { return "[]" }
      return "[\n" + items.map { inner + $0.text(indent: inner) }.joined(separator: ",\n") + "\n\(indent)]"
    case .object(let members):
      if members.isEmpty { return "{}" }
      let lines = members.map { "\(inner)\(JSON.quoted($0)): \($1.text(indent: inner))" }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}"
    }
  }

  /// On one line, for one document per line and for the wire.
  var compact: String {
    switch self {
    case .null: "null"
    case .bool(let flag): flag ? "true" : "false"
    case .number(let number): "\(number)"
    case .literal(let text): text
    case .string(let text): JSON.quoted(text)
    case .array(let items): "[" + items.map(\.compact).joined(separator: ",") + "]"
    case .object(let members):
      "{" + members.map { "\(JSON.quoted($0)):\($1.compact)" }.joined(separator: ",") + "}"
    }
  }

  /// RFC 8259 §7. All control characters are escaped, DEL and the C1 ones too: a name that somebody gave a sandbox shall not
  /// move the reader's cursor.
  private static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
        let hex = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}

// Looking into it

extension JSON {
  /// A member; nil where there is none, or this is no object.
  subscript(_ name: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.0 == name }?.1
  }

  var string: String? { if case .string(let text) = self { text } else { nil } }

  var bool: Bool? { if case .bool(let flag) = self { flag } else { nil } }

  /// Whole numbers only.
  var int: Int? {
    switch self {
    case .number(let number): number
    case .literal(let text): Int(text)
    default: nil
    }
  }

  var double: Double? {
    switch self {
    case .number(let number): Double(number)
    case .literal(let text): Double(text)
    default: nil
    }
  }

  var array: [JSON]? { if case .array(let items) = self { items } else { nil } }

  /// A copy in which a member has another value; one that was not there comes last.
  func with(_ name: String, _ value: JSON) -> JSON {
    guard case .object(var members) = self else { return self }
    if let index = members.firstIndex(where: { $0.0 == name }) {
      members[index].1 = value
    } else {
      members.append((name, value))
    }
    return .object(members)
  }
}
