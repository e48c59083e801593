internal import Auth

/// Writes JSON without spaces.
struct JSONWriter {
  private var out: [UInt8] = []
  /// What secrets are derived by; nil where the text is to be stored, with their recipes in place of them.
  private let keys: CredentialKeys?

  private init(keys: CredentialKeys?) { self.keys = keys }

  /// For the wire: with the secrets that it speaks of.
  static func text(_ value: JSONValue, revealing keys: CredentialKeys) -> [UInt8] {
    var writer = JSONWriter(keys: keys)
    writer.write(value)
    return writer.out
  }

  /// Without secrets.
  static func text(_ value: JSONValue) -> [UInt8] {
    var writer = JSONWriter(keys: nil)
    writer.write(value)
    return writer.out
  }

  static func string(_ value: JSONValue) -> String { String(decoding: text(value), as: UTF8.self) }

  private mutating func write(_ value: JSONValue) {
    switch value {
    case .null: out += "null".utf8
    case .bool(let value): out += (value ? "true" : "false").utf8
    case .int(let value): out += "\(value)".utf8
    // JSON has no infinities; nothing of ours makes one.
    case .double(let value): out += (value.isFinite ? "\(value)" : "null").utf8
    case .string(let text): write(text)
    case .array(let elements): write(elements, "[", "]") { $0.write($1) }
    case .object(let members):
      write(members, "{", "}") { writer, member in
        writer.write(member.name)
        writer.out.append(UInt8(ascii: ":"))
        writer.write(member.value)
      }
    case .derived(let secret):
      if let keys { write(secret.text(keys)) } else { write(secret.recipe) }
    }
  }

  private mutating func write<T>(
    _ items: [T], _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ each: (inout JSONWriter, T) -> Void
  ) {
    out.append(UInt8(ascii: open))
    for (index, item) in items.enumerated() {
      if index > 0 { out.append(UInt8(ascii: ",")) }
      each(&self, item)
    }
    out.append(UInt8(ascii: close))
  }

  private mutating func write(_ text: String) {
    out.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        out.append(UInt8(ascii: "\\"))
        out.append(byte)
      case 0x0A: out += "\\n".utf8
      // Controls have to be escaped (RFC 8259 §7), and DEL is better not shown to a terminal.
      case 0..<0x20, 0x7F:
        let digits = String(byte, radix: 16)
        out += ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8
      default: out.append(byte)
      }
    }
    out.append(UInt8(ascii: "\""))
  }
}
