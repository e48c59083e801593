/// A configuration tree before anybody asked what it means, each node with the place where it was written.
///
/// YAML's own idea of types is not used (YAML 1.1 reads `off` as false and `1:30` as ninety): a scalar stays text, and
/// the reader of a key decides what the text has to be.
public struct Value: Sendable {
  public indirect enum Content: Sendable {
    case null
    case scalar(String, Style)
    case list([Value])
    case mapping([Entry])
  }

  public enum Style: Sendable {
    /// Unquoted: it may be a number, a flag or text.
    case plain
    /// Quoted, so it is text even where it looks like a number.
    case quoted
    /// From the environment, where nothing can be quoted: it is whatever the key wants.
    case environment
  }

  public struct Entry: Sendable {
    public let key: String
    /// Where the key is written: unknown keys are reported there.
    public let keyOrigin: Origin
    public var value: Value

    public init(key: String, keyOrigin: Origin, value: Value) {
      self.key = key
      self.keyOrigin = keyOrigin
      self.value = value
    }
  }

  public var content: Content
  public var origin: Origin

  public init(content: Content, origin: Origin) {
    self.content = content
    self.origin = origin
  }

  public static func empty(at origin: Origin) -> Value { Value(content: .mapping([]), origin: origin) }

  public subscript(key: String) -> Entry? {
    guard case .mapping(let entries) = content else { return nil }
    return entries.first { $0.key == key }
  }

  /// Puts `value` at the end of `path`. What stands in the way (a scalar where a mapping is needed) is replaced.
  public mutating func set(_ value: Value, at path: ArraySlice<String>) {
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

  /// What is written, if it is a scalar.
  public var text: String? {
    guard case .scalar(let text, _) = content else { return nil }
    return text
  }

  /// How an error calls this value.
  public var described: String {
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
  public var looksTyped: Bool {
    guard case .scalar(let text, .plain) = content else { return false }
    return text == "true" || text == "false" || Double(text) != nil
  }

  /// Configuration text ends up in terminals: no control bytes, and not pages of it.
  public static func printable(_ text: String) -> String {
    let clean = String(
      String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }))
    return clean.count > 80 ? clean.prefix(77) + "..." : clean
  }
}

// MARK: Values written in code

/// Two values are the same when they say the same, wherever that is written and however it is quoted.
extension Value: Hashable {
  public static func == (one: Value, other: Value) -> Bool {
    switch (one.content, other.content) {
    case (.null, .null): true
    case (.scalar(let a, _), .scalar(let b, _)): a == b
    case (.list(let a), .list(let b)): a == b
    case (.mapping(let a), .mapping(let b)): a.count == b.count && zip(a, b).allSatisfy { $0 == $1 }
    case (.null, _), (.scalar, _), (.list, _), (.mapping, _): false
    }
  }

  public func hash(into hasher: inout Hasher) {
    switch content {
    case .null: hasher.combine(0)
    case .scalar(let text, _): hasher.combine(text)
    case .list(let items): hasher.combine(items)
    case .mapping(let entries): hasher.combine(entries)
    }
  }
}

extension Value.Entry: Hashable {
  public static func == (one: Value.Entry, other: Value.Entry) -> Bool {
    one.key == other.key && one.value == other.value
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(key)
    hasher.combine(value)
  }
}

extension Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  /// Whatever the key wants: in code nobody can tell text from a number by quotes.
  public init(stringLiteral text: String) { self.init(content: .scalar(text, .environment), origin: .nowhere) }
  public init(integerLiteral number: Int) { self = .integer(number) }
  public init(booleanLiteral flag: Bool) { self.init(content: .scalar("\(flag)", .plain), origin: .nowhere) }
  public init(arrayLiteral items: Value...) { self.init(content: .list(items), origin: .nowhere) }
  public static func integer(_ number: Int) -> Value {
    Value(content: .scalar("\(number)", .plain), origin: .nowhere)
  }
  public init(dictionaryLiteral entries: (String, Value)...) {
    self.init(
      content: .mapping(entries.map { Entry(key: $0, keyOrigin: .nowhere, value: $1) }), origin: .nowhere)
  }
}
