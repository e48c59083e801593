internal import Settings

/// One thing that is wrong with a body or a query, and where: `ports[0].ttl`.
struct FieldProblem: Hashable, Sendable {
  let path: String
  let message: String

  var json: JSONValue { ["path": .string(path), "message": .string(message)] }
}

/// Holds a tree to a shape and finds every mistake at once.
struct ShapeReader {
  private(set) var problems: [FieldProblem] = []
  /// A body can hold many mistakes; nobody reads more than this.
  private static let problemsMax = 50

  /// The object with its defaults filled in and null members left out, or what is wrong with it.
  static func read(_ json: JSONValue, as shape: Shape) -> (values: Values, problems: [FieldProblem]) {
    var reader = ShapeReader()
    let members = reader.members(of: json, as: shape, at: "")
    return (Values(members), reader.problems)
  }

  /// What is wrong with any value, for answers under test.
  static func problems(of json: JSONValue, as type: FieldType) -> [FieldProblem] {
    var reader = ShapeReader()
    _ = reader.value(json, as: type, at: "")
    return reader.problems
  }

  private mutating func refuse(_ path: String, _ message: String) {
    if problems.count < ShapeReader.problemsMax {
      problems.append(FieldProblem(path: path.isEmpty ? "." : path, message: message))
    }
  }

  private mutating func members(of json: JSONValue, as shape: Shape, at path: String) -> [String: JSONValue] {
    guard case .object(let given) = json else {
      refuse(path, "expected an object, found \(json.found)")
      return [:]
    }
    var values: [String: JSONValue] = [:]
    for member in given {
      let inner = path.isEmpty ? member.name : "\(path).\(member.name)"
      guard let field = shape[member.name] else {
        refuse(inner, ShapeReader.unknown(member.name, shape))
        continue
      }
      // A null where nothing is required is how many clients say "not given".
      if member.value == .null, !field.isRequired, !field.type.takesNull { continue }
      values[member.name] = value(member.value, as: field.type, at: inner)
    }
    for field in shape.fields where values[field.name] == nil {
      switch field.presence {
      case .required:
        if !given.contains(where: { $0.name == field.name }) {
          refuse(
            path.isEmpty ? field.name : "\(path).\(field.name)", "missing; expected \(field.type.expected)")
        }
      case .optional: break
      case .defaults(let value): values[field.name] = value
      }
    }
    return values
  }

  private static func unknown(_ name: String, _ shape: Shape) -> String {
    let names = shape.fields.map(\.name)
    if let near = Suggestion.nearest(to: name, among: names, bytesMax: 64) {
      return "unknown; did you mean \"\(near)\"?"
    }
    if names.isEmpty { return "unknown; nothing is expected here" }
    return "unknown; expected \(names.joined(separator: ", "))"
  }

  /// The value as it is to be used; nil where it is wrong, which is noted.
  private mutating func value(_ json: JSONValue, as type: FieldType, at path: String) -> JSONValue? {
    switch type {
    case .list(let element, let countMax): return list(json, of: element, countMax, at: path)
    case .map(let rule, let element, let countMax): return map(json, rule, element, countMax, at: path)
    case .object(let shape): return .object(sorted(members(of: json, as: shape, at: path)))
    case .either(let types): return either(json, types, type, at: path)
    case .nullable(let inner): return json == .null ? .null : value(json, as: inner, at: path)
    default:
      if ShapeReader.accepts(json, type) { return json }
      refuse(path, "expected \(type.expected), found \(json.found)")
      return nil
    }
  }

  private func sorted(_ members: [String: JSONValue]) -> [JSONValue.Member] {
    members.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: $0.value) }
  }

  private static func accepts(_ json: JSONValue, _ type: FieldType) -> Bool {
    switch type {
    case .text(let rule): json.text.map(rule.accepts) ?? json.isDerived
    case .integer(let range): json.integer.map(range.contains) ?? false
    case .number: json.integer != nil || json.isDouble
    case .boolean: json == .bool(true) || json == .bool(false)
    case .word(let words): json.text.map(words.contains) ?? false
    case .duration(let range): DurationText.seconds(json).map(range.contains) ?? false
    case .anything: true
    case .list, .map, .object, .either, .nullable: false
    }
  }

  private mutating func list(_ json: JSONValue, of type: FieldType, _ countMax: Int, at path: String) -> JSONValue? {
    guard case .array(let elements) = json, elements.count <= countMax else {
      refuse(path, "expected \(FieldType.list(type, countMax: countMax).expected), found \(json.found)")
      return nil
    }
    var values: [JSONValue] = []
    for (index, element) in elements.enumerated() {
      if let value = value(element, as: type, at: "\(path)[\(index)]") { values.append(value) }
    }
    return .array(values)
  }

  private mutating func map(
    _ json: JSONValue, _ rule: TextRule, _ type: FieldType, _ countMax: Int, at path: String
  ) -> JSONValue? {
    guard case .object(let members) = json, members.count <= countMax else {
      refuse(path, "expected an object with at most \(countMax) members, found \(json.found)")
      return nil
    }
    for member in members {
      if !rule.accepts(member.name) {
        refuse("\(path).\(member.name)", "expected \(rule.expected) as the name")
      }
      _ = value(member.value, as: type, at: "\(path).\(member.name)")
    }
    return json
  }

  private mutating func either(
    _ json: JSONValue, _ types: [FieldType], _ type: FieldType, at path: String
  ) -> JSONValue? {
    for candidate in types {
      var trial = ShapeReader()
      let value = trial.value(json, as: candidate, at: path)
      if trial.problems.isEmpty { return value }
    }
    refuse(path, "expected \(type.expected), found \(json.found)")
    return nil
  }
}

extension FieldType {
  fileprivate var takesNull: Bool {
    if case .nullable = self { true } else { false }
  }
}

extension JSONValue {
  fileprivate var isDouble: Bool {
    if case .double = self { true } else { false }
  }

  fileprivate var isDerived: Bool {
    if case .derived = self { true } else { false }
  }
}

/// What was read by a shape: every required member is there, and every member is what its field says.
struct Values: Sendable {
  private let members: [String: JSONValue]

  init(_ members: [String: JSONValue]) { self.members = members }

  static let none = Values([:])

  subscript(name: String) -> JSONValue? { members[name] }

  func text(_ name: String) -> String? { members[name]?.text }
  func integer(_ name: String) -> Int? { members[name]?.integer.map { Int($0) } }
  func seconds(_ name: String) -> Int? { members[name].flatMap { DurationText.seconds($0) }.map { Int($0) } }

  func bool(_ name: String) -> Bool? {
    guard case .bool(let value) = members[name] else { return nil }
    return value
  }

  func texts(_ name: String) -> [String]? {
    guard case .array(let elements) = members[name] else { return nil }
    return elements.compactMap(\.text)
  }

  func object(_ name: String) -> Values? {
    guard case .object(let inner) = members[name] else { return nil }
    return Values(Dictionary(inner.map { ($0.name, $0.value) }) { first, _ in first })
  }

  func map(_ name: String) -> [String: String]? {
    guard case .object(let inner) = members[name] else { return nil }
    return Dictionary(inner.compactMap { member in member.value.text.map { (member.name, $0) } }) { first, _ in first }
  }
}
