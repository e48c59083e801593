public import Bytes

/// One key while it is read: its value if there is one, its path, and where to point when it is wrong.
///
/// A reader answers nil both where the key is absent and where its value was refused: in the second case the problem is
/// on record, and reading goes on with the default so that later problems are found too.
public struct Field {
  public let path: String
  public let value: Value?
  /// The value's own place, or that of the nearest thing around it that was written.
  public let origin: Origin
  public let reading: Reading

  public init(root: Value, reading: Reading) {
    self.init("", root, reading)
  }

  public init(_ path: String, _ value: Value, _ reading: Reading) {
    self.init(path: path, value: value, origin: value.origin, reading: reading)
  }

  private init(path: String, value: Value?, origin: Origin, reading: Reading) {
    self.path = path
    self.value = value
    self.origin = origin
    self.reading = reading
  }

  /// The key was written with a value. `key:` with nothing behind it counts as absent.
  public var isGiven: Bool {
    guard let value else { return false }
    if case .null = value.content { return false }
    return true
  }

  /// A list without items, or no list at all because the key is absent.
  public var isEmptyList: Bool {
    if !isGiven { return true }
    guard case .list(let items) = value?.content else { return false }
    return items.isEmpty
  }

  public var isMapping: Bool {
    guard case .mapping = value?.content else { return false }
    return true
  }

  public subscript(key: String) -> Field {
    let child = value?[key]?.value
    return Field(
      path: path.isEmpty ? key : "\(path).\(key)", value: child, origin: child?.origin ?? origin, reading: reading)
  }

  public func refuse(_ message: String) { reading.problems.add(origin, path, message) }

  public func refuse(expected: String) { refuse("expected \(expected), found \(value?.described ?? "nothing")") }

  public func require(_ what: String) { refuse("required: \(what)") }
}

// MARK: Shapes

extension Field {
  /// The items of a list; nil where the key is absent or no list.
  public func items(_ example: String) -> [Field]? {
    guard isGiven, let value else { return nil }
    guard case .list(let items) = value.content else {
      refuse(expected: "a list such as \(example)")
      return nil
    }
    return items.enumerated().map { Field(path: "\(path)[\($0)]", value: $1, origin: $1.origin, reading: reading) }
  }

  /// Whether keys can be read below: true for a mapping and for an absent key, whose children are all absent too.
  public func isSection(_ example: String) -> Bool {
    if !isGiven || isMapping { return true }
    refuse(expected: "a mapping such as \(example)")
    return false
  }

  private func scalar(_ expected: String) -> (text: String, style: Value.Style)? {
    guard isGiven, let value else { return nil }
    guard case .scalar(let text, let style) = value.content else {
      refuse(expected: expected)
      return nil
    }
    return (text, style)
  }
}

// MARK: Scalars

extension Field {
  /// Text as it is written, for keys whose words YAML might take for something else (`off`, `1.3`).
  public func word(_ expected: String) -> String? { scalar(expected)?.text }

  /// Text on one line. A bare number or flag is refused, since it is nearly always a value for another key.
  public func text(_ expected: String) -> String? {
    guard let (text, _) = scalar(expected), let value else { return nil }
    let isOneLine = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    guard !value.looksTyped, !text.isEmpty, isOneLine else {
      refuse(expected: expected)
      return nil
    }
    return text
  }

  public func integer(_ range: ClosedRange<Int>, _ what: String = "a whole number") -> Int? {
    let expected = "\(what) from \(range.lowerBound) to \(range.upperBound)"
    guard let (text, style) = scalar(expected) else { return nil }
    guard style != .quoted, !text.hasPrefix("+"), let number = Int(text), range.contains(number) else {
      refuse(expected: expected)
      return nil
    }
    return number
  }

  public func port() -> UInt16? { integer(1...65535, "a port").map { UInt16($0) } }

  public func flag() -> Bool? {
    guard let (text, style) = scalar("true or false") else { return nil }
    switch (style, text.lowercased()) {
    case (.plain, "true"), (.plain, "yes"), (.plain, "on"): return true
    case (.plain, "false"), (.plain, "no"), (.plain, "off"): return false
    case (.environment, "true"), (.environment, "yes"), (.environment, "on"), (.environment, "1"): return true
    case (.environment, "false"), (.environment, "no"), (.environment, "off"), (.environment, "0"): return false
    default:
      refuse(expected: "true or false")
      return nil
    }
  }

  /// One word of a few.
  public func choice<Choice: RawRepresentable<String> & CaseIterable>(_ type: Choice.Type) -> Choice? {
    choice(Choice.allCases.map(\.rawValue)).flatMap { Choice(rawValue: $0) }
  }

  /// One of `words`, of which there is at least one.
  public func choice(_ words: [String]) -> String? {
    let expected =
      words.dropLast().joined(separator: ", ") + (words.count > 1 ? " or " : "") + (words.last ?? "nothing")
    guard let text = word(expected) else { return nil }
    if words.contains(text) { return text }
    // 1.1 is no slip for 1.2.
    let nearest = value?.looksTyped == true ? nil : Suggestion.nearest(to: text, among: words)
    let hint = nearest.map { "; did you mean \"\($0)\"?" } ?? ""
    refuse("expected \(expected), found \(value?.described ?? "nothing")\(hint)")
    return nil
  }

  /// A duration in milliseconds. A bare number is in seconds.
  public func duration(_ range: ClosedRange<Int>) -> Int? {
    let expected =
      "a duration from \(Units.duration(range.lowerBound)) to \(Units.duration(range.upperBound)) (seconds, or text such as 500ms, 10s, 2m)"
    guard let (text, _) = scalar(expected) else { return nil }
    guard let milliseconds = Units.milliseconds(text), range.contains(milliseconds) else {
      refuse(expected: expected)
      return nil
    }
    return milliseconds
  }

  /// A size in bytes.
  public func bytes(_ range: ClosedRange<Int>) -> Int? {
    let expected = "a number of bytes from \(range.lowerBound) to \(range.upperBound) (or text such as 64KiB, 10MiB)"
    guard let (text, _) = scalar(expected) else { return nil }
    guard let bytes = Units.bytes(text), range.contains(bytes) else {
      refuse(expected: expected)
      return nil
    }
    return bytes
  }

  /// Whether the value is this word, unquoted or not. Nothing is refused.
  public func isWord(_ word: String) -> Bool {
    guard case .scalar(word, _) = value?.content else { return false }
    return true
  }
}

// MARK: Names and places

extension Field {
  public func address() -> SocketAddress? {
    let expected = "an address and port such as \"127.0.0.1:8443\", \"[::1]:8443\" or \":8443\""
    guard let text = word(expected) else { return nil }
    if let address = SocketAddress(text) { return address }
    refuse(expected: expected)
    return nil
  }

  public func hostName(_ expected: String) -> String? {
    guard let text = text(expected) else { return nil }
    if let name = DNSName.normalized(text) { return name }
    refuse(expected: expected)
    return nil
  }

  /// The absolute path of a file that exists and can be read.
  public func file(_ what: String) -> String? {
    guard let text = text("the path of \(what)") else { return nil }
    let path = reading.absolute(text)
    if let reason = FilePath.unreadable(path) {
      refuse("cannot read \(what) at \(path): \(reason)")
      return nil
    }
    return path
  }
}
