/// Parameters of a query, held to fields as members of a body are.
enum QueryReading {
  static func read(_ query: String, _ fields: [Field]) throws(Problem) -> Values {
    guard let parameters = PercentText.parameters(query) else {
      throw .invalid([FieldProblem(path: "?", message: "expected percent-encoded UTF-8")], in: "query")
    }
    let shape = Shape("Query", "", fields)
    var members: [JSONValue.Member] = []
    var problems: [FieldProblem] = []
    for (name, value) in parameters {
      if members.contains(where: { $0.name == name }) {
        problems.append(FieldProblem(path: name, message: "given twice"))
      } else {
        members.append(.init(name: name, value: shape[name].map { json(value, $0.type) } ?? .string(value)))
      }
    }
    let (values, wrong) = ShapeReader.read(.object(members), as: shape)
    problems += wrong
    guard problems.isEmpty else { throw .invalid(problems, in: "query") }
    return values
  }

  /// The text as what its field expects; as it is where it can't be that, for the message.
  private static func json(_ text: String, _ type: FieldType) -> JSONValue {
    switch type {
    case .integer, .number:
      guard let value = Int64(text), String(value) == text else { return .string(text) }
      return .int(value)
    case .boolean:
      switch text {
      case "true", "1": return true
      case "false", "0": return false
      default: return .string(text)
      }
    default: return .string(text)
    }
  }
}
