import Settings
import Yams

/// YAML text to `Value`. The only file that knows Yams.
enum YAMLText {
  /// What is wrong with the text as YAML, and where.
  struct Malformed: Error {
    let line: Int
    let column: Int
    let message: String
  }

  /// Nil where the text holds no document: an empty file, or nothing but comments.
  static func parse(_ text: String, origin: (_ line: Int, _ column: Int) -> Origin) throws(Malformed) -> Value? {
    do {
      // The encoding is named so that Yams does not look for YAMS_DEFAULT_ENCODING in the environment.
      guard let node = try compose(yaml: text, .default, .default, .utf8) else { return nil }
      return value(of: node, origin: origin)
    } catch let error as YamlError {
      throw malformed(error)
    } catch {
      throw Malformed(line: 1, column: 1, message: "cannot be read as YAML: \(error)")
    }
  }

  private static func value(of node: Node, origin: (_ line: Int, _ column: Int) -> Origin) -> Value {
    let place = origin(node.mark?.line ?? 1, node.mark?.column ?? 1)
    switch node {
    case .scalar(let scalar):
      return Value(content: content(of: scalar), origin: place)
    case .sequence(let items):
      return Value(content: .list(items.map { value(of: $0, origin: origin) }), origin: place)
    case .mapping(let pairs):
      let entries = pairs.map { key, child in
        Value.Entry(
          key: key.scalar?.string ?? "(a key that is not text)",
          keyOrigin: origin(key.mark?.line ?? 1, key.mark?.column ?? 1),
          value: value(of: child, origin: origin))
      }
      return Value(content: .mapping(entries), origin: place)
    case .alias:
      return Value(content: .null, origin: place)  // The parser has replaced aliases by what they name.
    }
  }

  private static func content(of scalar: Node.Scalar) -> Value.Content {
    guard scalar.style == .plain || scalar.style == .any else { return .scalar(scalar.string, .quoted) }
    return ["", "~", "null", "Null", "NULL"].contains(scalar.string) ? .null : .scalar(scalar.string, .plain)
  }

  private static func malformed(_ error: YamlError) -> Malformed {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return Malformed(line: mark.line, column: mark.column, message: "not valid YAML: \(problem)")
    case .duplicatedKeysInMapping(let keys, let context):
      let names = keys.map { "\"\(Value.printable($0))\"" }.joined(separator: ", ")
      return Malformed(line: context.mark.line, column: context.mark.column, message: "the key \(names) is given twice")
    case .reader(let problem, _, _, _):
      return Malformed(line: 1, column: 1, message: "not valid YAML: \(problem)")
    default:
      return Malformed(line: 1, column: 1, message: "not valid YAML: \(error)")
    }
  }
}
