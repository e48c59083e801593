/// A JSON text as a tree. Members keep their order, and no object has two of the same name.
enum JSONValue: Hashable, Sendable {
  struct Member: Hashable, Sendable {
    var name: String
    var value: JSONValue
  }

  case null
  case bool(Bool)
  case int(Int64)
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])
  /// A secret that is not kept: what it is made from, to be made again whenever the answer is written.
  case derived(DerivedSecret)
}

extension JSONValue {
  /// The member of that name; nil for other kinds of values.
  subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  /// An object from pairs; members whose value is nil are left out.
  static func members(_ pairs: KeyValuePairs<String, JSONValue?>) -> JSONValue {
    .object(pairs.compactMap { pair in pair.value.map { Member(name: pair.key, value: $0) } })
  }

  /// With the members of the other object behind its own.
  func adding(_ pairs: KeyValuePairs<String, JSONValue?>) -> JSONValue {
    guard case .object(let own) = self, case .object(let more) = JSONValue.members(pairs) else { return self }
    return .object(own + more)
  }

  var text: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  /// Also of `3.0`, which JSON Schema calls an integer, too.
  var integer: Int64? {
    switch self {
    case .int(let value): value
    case .double(let value): Int64(exactly: value)
    default: nil
    }
  }

  /// What it is, for messages: `"text"`, `17`, `an object`.
  var found: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .int(let value): "\(value)"
    case .double(let value): "\(value)"
    case .string(let value): JSONValue.quoted(value)
    case .array(let elements): "an array of \(elements.count)"
    case .object: "an object"
    case .derived: "a secret"
    }
  }

  /// Long text is cut: a message is to be read.
  static func quoted(_ text: String) -> String {
    let shown = text.unicodeScalars.prefix(60)
    let isWhole = shown.endIndex == text.unicodeScalars.endIndex
    return String(decoding: JSONWriter.text(.string(String(shown) + (isWhole ? "" : "…"))), as: UTF8.self)
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  init(stringLiteral text: String) { self = .string(text) }
  init(integerLiteral value: Int64) { self = .int(value) }
  init(booleanLiteral value: Bool) { self = .bool(value) }
  init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  init(dictionaryLiteral pairs: (String, JSONValue)...) {
    self = .object(pairs.map { Member(name: $0.0, value: $0.1) })
  }

  static func count(_ value: some BinaryInteger) -> JSONValue { .int(Int64(clamping: value)) }
  static func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
  static func list(_ texts: some Sequence<String>) -> JSONValue { .array(texts.map { .string($0) }) }
}
