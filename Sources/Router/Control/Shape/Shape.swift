/// What a JSON object looks like: bodies, answers and query strings alike. Validation and the OpenAPI document are both
/// made from it, so that they can't differ.
struct Shape: Sendable {
  /// Its name among the document's schemas.
  let name: String
  let about: String
  let fields: [Field]

  init(_ name: String, _ about: String = "", _ fields: [Field]) {
    self.name = name
    self.about = about
    self.fields = fields
  }

  subscript(name: String) -> Field? { fields.first { $0.name == name } }
}

/// One member of an object, or one parameter of a query.
struct Field: Sendable {
  enum Presence: Sendable {
    case required
    case optional
    /// Where it is absent it is read as this.
    case defaults(JSONValue)
  }

  let name: String
  let type: FieldType
  let presence: Presence
  let about: String

  /// Required unless told otherwise.
  init(_ name: String, _ type: FieldType, _ about: String = "", _ presence: Presence = .required) {
    self.name = name
    self.type = type
    self.about = about
    self.presence = presence
  }

  static func optional(_ name: String, _ type: FieldType, _ about: String = "") -> Field {
    Field(name, type, about, .optional)
  }

  static func defaulting(_ name: String, _ type: FieldType, to value: JSONValue, _ about: String = "") -> Field {
    Field(name, type, about, .defaults(value))
  }

  var isRequired: Bool {
    if case .required = presence { true } else { false }
  }
}

indirect enum FieldType: Sendable {
  case text(TextRule)
  case integer(ClosedRange<Int64>)
  case number
  case boolean
  /// One of these words.
  case word([String])
  /// Seconds as a number, or text such as `15m`, `2h`, `1d`; the range is in seconds.
  case duration(ClosedRange<Int64>)
  case list(FieldType, countMax: Int)
  case map(TextRule, FieldType, countMax: Int)
  case object(Shape)
  case either([FieldType])
  /// That, or null.
  case nullable(FieldType)
  case anything
}

extension FieldType {
  static var count: FieldType { .integer(0...Int64.max) }
  /// For answers, whose text we make ourselves.
  static var plain: FieldType { .text(.any) }
  static var time: FieldType { .text(.time) }

  /// For "expected …".
  var expected: String {
    switch self {
    case .text(let rule): rule.expected
    case .integer(let range):
      range.upperBound == .max
        ? "a number of \(range.lowerBound) or more" : "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .number: "a number"
    case .boolean: "true or false"
    case .word(let words): "one of " + words.map { "\"\($0)\"" }.joined(separator: ", ")
    case .duration(let range):
      "seconds, or text such as \"15m\", \"2h\", \"1d\", from \(range.lowerBound) to \(range.upperBound) seconds"
    case .list(let type, let countMax): "an array of at most \(countMax), each \(type.expected)"
    case .map(_, _, let countMax): "an object with at most \(countMax) members"
    case .object: "an object"
    case .either(let types): types.map(\.expected).joined(separator: ", or ")
    case .nullable(let type): "\(type.expected), or null"
    case .anything: "any value"
    }
  }
}
