/// A configuration tree before anybody asked what it means, each node with the place where it was written.
///
/// YAML's own idea of types is not used (YAML 1.1 reads `off` as false and `1:30` as ninety): a scalar stays text, and
/// the reader of a key decides what the text has to be.
struct Value {
  indirect enum Content {
    case null
    case scalar(String, Style)
    case list([Value])
    case mapping([Entry])
  }

  enum Style {
    /// Unquoted: it may be a number, a flag or text.
    case plain
    /// Quoted, so it is text even where it looks like a number.
    case quoted
    /// From the environment, where nothing can be quoted: it is whatever the key wants.
    case environment
  }

  struct Entry {
    let key: String
    /// Where the key is written: unknown keys are reported there.
    let keyOrigin: Origin
    var value: Value
  }

  var content: Content
  var origin: Origin

  static func empty(at origin: Origin) -> Value { Value(content: .mapping([]), origin: origin) }

  subscript(key: String) -> Entry? {
    guard case .mapping(let entries) = content else { return nil }
    return entries.first { $0.key == key }
  }

  /// Puts `value` at the end of `path`. What stands in the way (a scalar where a mapping is needed) is replaced.
  mutating func set(_ value: Value, at path: ArraySlice<String>) {
    guard let key = path.first else {
      self = value
      return
    }
    var entries: [Entry] = []
    if case .mapping(let existing) = content { entries = existing }
    if let index = entries.firstIndex(where: { $0.key == key }) {
      entries[index].value.set(value, at: path.dropFirst())
    } else {
      var child = Value(content: .null, origin: value.origin)
      child.set(value, at: path.dropFirst())
      entries.append(Entry(key: key, keyOrigin: value.origin, value: child))
    }
    content = .mapping(entries)
  }

  /// How an error calls this value.
  var described: String {
    switch content {
    case .null: return "nothing"
    case .list: return "a list"
    case .mapping: return "a mapping"
    case .scalar(let text, let style):
      if style == .plain, looksTyped { return text }
      return "\"\(Value.printable(text))\""
    }
  }

  /// Unquoted and read by YAML as something other than text: a number or a flag.
  var looksTyped: Bool {
    guard case .scalar(let text, .plain) = content else { return false }
    return text == "true" || text == "false" || Double(text) != nil
  }

  /// Configuration text ends up in terminals: no control bytes, and not pages of it.
  static func printable(_ text: String) -> String {
    let clean = String(
      String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }))
    return clean.count > 80 ? clean.prefix(77) + "..." : clean
  }
}
