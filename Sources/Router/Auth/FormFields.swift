/// `a=b&c=d`, as in a query or a form's body (WHATWG URL §5.1).
public struct FormFields {
  private var fields: [(name: [UInt8], value: [UInt8])] = []

  /// More fields than anybody needs here are not looked at.
  public static let fieldsMax = 64

  public init(_ text: some Collection<UInt8>) {
    for part in text.split(separator: UInt8(ascii: "&")).prefix(FormFields.fieldsMax) {
      let name = part.prefix { $0 != UInt8(ascii: "=") }
      fields.append((FormFields.decoded(name), FormFields.decoded(part.dropFirst(name.count + 1))))
    }
  }

  /// Nil if there is none of that name, or more than one: two answers to one question are no answer.
  public func only(_ name: String) -> [UInt8]? {
    var found: [UInt8]?
    for field in fields where field.name.elementsEqual(name.utf8) {
      if found != nil { return nil }
      found = field.value
    }
    return found
  }

  private static func decoded(_ text: some Collection<UInt8>) -> [UInt8] {
    RedirectPath.decoded(text.map { $0 == UInt8(ascii: "+") ? 0x20 : $0 })
  }
}
