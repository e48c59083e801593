/// Which keys there are, and of what shape. Unknown keys are refused and environment names are made from this.
///
/// What a value may *be* is said where it is read; the shape here only has to tell text, lists and mappings apart.
public indirect enum Schema: Sendable {
  case scalar
  case list(of: Schema)
  case mapping([Key])
  /// A short form and a long form, such as `hsts: 31536000` and `hsts: {maxAge: 31536000}`.
  case scalarOrMapping([Key])

  public struct Key: Sendable {
    public let name: String
    public let schema: Schema

    public init(_ name: String, _ schema: Schema = .scalar) {
      self.name = name
      self.schema = schema
    }
  }

  /// Reports every key of `value` that this shape does not have. Wrong shapes are left to whoever reads the value.
  public func refuseUnknownKeys(in value: Value, path: String, _ problems: Problems) {
    switch (self, value.content) {
    case (.list(let item), .list(let values)):
      for (index, child) in values.enumerated() {
        item.refuseUnknownKeys(in: child, path: "\(path)[\(index)]", problems)
      }
    case (.mapping(let keys), .mapping(let entries)), (.scalarOrMapping(let keys), .mapping(let entries)):
      for entry in entries {
        let childPath = path.isEmpty ? entry.key : "\(path).\(entry.key)"
        if let key = keys.first(where: { $0.name == entry.key }) {
          key.schema.refuseUnknownKeys(in: entry.value, path: childPath, problems)
        } else {
          let message = "unknown key" + Suggestion.text(for: entry.key, among: keys.map(\.name))
          problems.add(entry.keyOrigin, Value.printable(childPath), message)
        }
      }
    default:
      break
    }
  }
}
