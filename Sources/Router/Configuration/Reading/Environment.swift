import Settings

/// `PORTHOLE_*` variables: every key has one, and a variable wins over the file.
///
/// The name is the key path in upper case, words and levels joined by `_`: `listen.proxyProtocol` is
/// `PORTHOLE_LISTEN_PROXY_PROTOCOL`. A list is comma-separated or YAML flow (`[a, b]`), a mapping is YAML flow
/// (`{kind: static}`). A variable that is set to nothing counts as not set. Items of a list have no names of their own.
enum Environment {
  static let prefix = "PORTHOLE_"
  /// Variables that are ours but not keys; the command line reads them. Whoever has exported them for `porthole sandbox`
  /// starts `porthole serve` from the same shell.
  static let reserved = ["PORTHOLE_CONFIG", "PORTHOLE_API_URL", "PORTHOLE_API_KEY"]

  struct Name: Sendable {
    let variable: String
    let path: [String]
    let schema: Schema
  }

  /// Every variable there is, shallow keys first so that a deeper one refines what a shallower one set.
  static func names(_ schema: Schema) -> [Name] {
    collect(schema, path: []).sorted { $0.path.count < $1.path.count }
  }

  /// What the variables say about `runner.kind`, on which it depends what the others may be.
  static func runnerKind(_ variables: [String: String]) -> String? {
    if let kind = variables["PORTHOLE_RUNNER_KIND"], !kind.isEmpty { return kind }
    guard let text = variables["PORTHOLE_RUNNER"], let parsed = try? YAMLText.parse(text, origin: { _, _ in .nowhere }),
      case .scalar(let kind, _) = parsed["kind"]?.value.content
    else { return nil }
    return kind
  }

  private static func collect(_ schema: Schema, path: [String]) -> [Name] {
    var names: [Name] = []
    if !path.isEmpty {
      names.append(Name(variable: prefix + path.map(upperSnake).joined(separator: "_"), path: path, schema: schema))
    }
    switch schema {
    case .mapping(let keys), .scalarOrMapping(let keys):
      for key in keys { names += collect(key.schema, path: path + [key.name]) }
    case .scalar, .list:
      break
    }
    return names
  }

  /// `proxyProtocol` to `PROXY_PROTOCOL`, `clientCA` to `CLIENT_CA`.
  static func upperSnake(_ key: String) -> String {
    var out = ""
    var previousWasUpper = true
    for character in key {
      if character.isUppercase, !previousWasUpper { out.append("_") }
      previousWasUpper = character.isUppercase
      out += character.uppercased()
    }
    return out
  }

  /// Lays the variables over what the file said.
  static func overlay(_ variables: [String: String], on root: inout Value, _ schema: Schema, _ problems: Problems) {
    let names = names(schema)
    for name in names {
      guard let text = variables[name.variable], !text.isEmpty else { continue }
      if let value = value(text, name, problems) { root.set(value, at: name.path[...]) }
    }
    let known = Set(names.map(\.variable) + reserved)
    for variable in variables.keys.sorted() where variable.hasPrefix(prefix) && !known.contains(variable) {
      let near = Suggestion.nearest(to: variable, among: known.sorted())
      let hint =
        near.map { "; did you mean \($0)?" } ?? "; every key has a variable, such as PORTHOLE_LOG_LEVEL for log.level"
      problems.add(.environment(variable: variable), "", "no key has this name" + hint)
    }
  }

  private static func value(_ text: String, _ name: Name, _ problems: Problems) -> Value? {
    let origin = Origin.environment(variable: name.variable)
    switch name.schema {
    case .scalar:
      return Value(content: .scalar(text, .environment), origin: origin)
    case .scalarOrMapping:
      return text.hasPrefix("{")
        ? flow(text, name, problems) : Value(content: .scalar(text, .environment), origin: origin)
    case .mapping:
      return flow(text, name, problems)
    case .list(of: let item):
      // `[::1]:8443` is an address and not a list: only brackets around everything make one.
      if text.hasPrefix("{") { return flow("[\(text)]", name, problems) }
      if text.hasPrefix("["), text.hasSuffix("]") { return flow(text, name, problems) }
      if case .mapping = item {
        problems.add(
          origin, name.path.joined(separator: "."),
          "expected a list in YAML flow form such as [{key: value}], found \"\(Value.printable(text))\"")
        return nil
      }
      let items = text.split(separator: ",").map { Value(content: .scalar(trimmed($0), .environment), origin: origin) }
      return Value(content: .list(items), origin: origin)
    }
  }

  private static func flow(_ text: String, _ name: Name, _ problems: Problems) -> Value? {
    let origin = Origin.environment(variable: name.variable)
    do {
      return try YAMLText.parse(text) { _, _ in origin }
    } catch {
      problems.add(origin, name.path.joined(separator: "."), error.message)
      return nil
    }
  }

  private static func trimmed(_ text: Substring) -> String {
    var rest = text
    while rest.first == " " { rest.removeFirst() }
    while rest.last == " " { rest.removeLast() }
    return String(rest)
  }
}
