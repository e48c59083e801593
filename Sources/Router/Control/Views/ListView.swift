internal import Auth
internal import Sandbox

/// One page of a list: one array, named after what is in it, and where the next page begins.
enum ListView {
  static func shape(_ name: String, _ key: String, _ element: Shape) -> Shape {
    Shape(
      name, "",
      [
        Field(key, .list(.object(element), countMax: Int.max)),
        Field("next", .nullable(.plain), "The `cursor` of the next page; null at the end."),
      ])
  }

  static let pageFields: [Field] = [
    .defaulting("limit", .integer(1...1000), to: 100, "How many at most."),
    .optional("cursor", .plain, "The `next` of the page before."),
  ]

  /// - Parameter items: one more than the page may have, where there is another page.
  static func page<T>(
    _ key: String, _ items: [T], limit: Int, cursor: (T) -> String, _ view: (T) throws -> JSONValue
  ) rethrows -> JSONValue {
    let page = items.prefix(limit)
    let next = items.count > limit ? page.last.map { Cursor.text(cursor($0)) } : nil
    return .object([
      .init(name: key, value: .array(try page.map(view))), .init(name: "next", value: .text(next)),
    ])
  }
}

/// What a list goes on from. Opaque to clients, so that it may become something else one day.
enum Cursor {
  static func text(_ key: String) -> String { Base64URL.encode(Array("c1:\(key)".utf8)) }

  static func key(_ text: String) -> String? {
    var text = text
    let bytes = text.withUTF8 { text -> [UInt8]? in
      guard text.count <= 512 else { return nil }
      let out = UnsafeMutablePointer<UInt8>.allocate(capacity: text.count + 1)
      defer { out.deallocate() }
      return Base64URL.decode(text, into: out).map { Array(UnsafeBufferPointer(start: out, count: $0)) }
    }
    guard let bytes, let key = String(validating: bytes, as: UTF8.self), key.hasPrefix("c1:") else { return nil }
    return String(key.dropFirst(3))
  }
}

extension Values {
  /// The id that a page begins after.
  func cursorID() throws(Problem) -> SandboxID? {
    guard let cursor = text("cursor") else { return nil }
    guard let id = Cursor.key(cursor).flatMap({ SandboxID($0) }) else {
      throw .invalid([FieldProblem(path: "cursor", message: "expected the \"next\" of another page")], in: "query")
    }
    return id
  }

  var limit: Int { integer("limit") ?? 100 }
}
