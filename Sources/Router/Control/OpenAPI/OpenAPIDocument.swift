/// The API as OpenAPI 3.1 describes it, made from the calls themselves.
enum OpenAPIDocument {
  static func json(domains: [String]) -> JSONValue {
    let domain = domains.first ?? "preview.localhost"
    return [
      "openapi": "3.1.0",
      "info": [
        "title": "Porthole's control API", "version": "1",
        "description": .string(
          "Sandboxes, their exposed ports, share links and events. Errors are RFC 9457 problems whose member `error`, "
            + "like the header `Porthole-Error`, is a word `<stage>/<code>`. On `https://<id>.<domain>/` a sandbox's own "
            + "calls are there without `/v1/sandboxes/<id>`, for its token."),
        "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
      ],
      "servers": [
        ["url": "http://127.0.0.1:8440", "description": "The api listener."],
        ["url": .string("https://api.\(domain)")],
      ],
      "security": [["apiKey": []]],
      "tags": .array(tags.map { ["name": .string($0)] }),
      "paths": paths,
      "components": [
        "securitySchemes": [
          "apiKey": ["type": "http", "scheme": "bearer", "description": "A key that begins with `phk_`."],
          "sandboxToken": [
            "type": "http", "scheme": "bearer",
            "description": "A sandbox's token, which begins with `pht_`, for that sandbox's own calls.",
          ],
        ],
        "schemas": schemas,
        "responses": ["Problem": problem],
      ],
    ]
  }

  private static var tags: [String] { APIRoutes.all.map(tag).inOrderOnce }

  /// The first word of the path that says something.
  private static func tag(_ route: APIRoute) -> String {
    let words = route.path.parts.compactMap { part -> String? in
      if case .word(let word) = part, word != "v1" { word } else { nil }
    }
    return words.count > 1 && words[0] == "sandboxes" ? words[1] : words.first ?? "index"
  }

  private static var paths: JSONValue {
    let texts = APIRoutes.all.map(\.path.text).inOrderOnce
    return .object(
      texts.map { text in
        let operations = APIRoutes.all.filter { $0.path.text == text }.map { route in
          JSONValue.Member(name: route.method.lowercased(), value: operation(route))
        }
        return .init(name: text, value: .object(operations))
      })
  }

  private static func operation(_ route: APIRoute) -> JSONValue {
    .members([
      "operationId": .string(route.name), "summary": .string(summary(route.about)),
      "description": .string(route.about), "tags": [.string(tag(route))], "security": security(route.access),
      "parameters": .array(parameters(route)), "requestBody": requestBody(route.body),
      "responses": .object(responses(route)),
    ])
  }

  private static func summary(_ text: String) -> String {
    let first = text.split(separator: ". ", maxSplits: 1).first.map(String.init) ?? text
    return first.hasSuffix(".") ? first : first + "."
  }

  private static func security(_ access: APIRoute.Access) -> JSONValue {
    switch access {
    case .anybody: []
    case .key: [["apiKey": []]]
    case .sandbox: [["apiKey": []], ["sandboxToken": []]]
    }
  }

  // MARK: What goes in

  private static func parameters(_ route: APIRoute) -> [JSONValue] {
    var parameters: [JSONValue] = route.path.names.map { name in
      ["name": .string(name), "in": "path", "required": true, "schema": pathSchema(name)]
    }
    for field in route.query {
      parameters.append(
        .members([
          "name": .string(field.name), "in": "query", "required": .bool(field.isRequired),
          "description": field.about.isEmpty ? nil : .string(field.about),
          "schema": SchemaText.schema(of: field),
        ]))
    }
    if route.isIdempotencyKeyed {
      parameters.append([
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": "A repetition with the same key and body is answered as the first was.",
        "schema": ["type": "string", "minLength": 1, "maxLength": 255],
      ])
    }
    return parameters
  }

  private static func pathSchema(_ name: String) -> JSONValue {
    switch name {
    case "id", "snapshotId": SchemaText.schema(of: .text(.sandboxID))
    case "port": SchemaText.schema(of: .integer(1...65535))
    case "pid": SchemaText.schema(of: .count)
    default: ["type": "string"]
    }
  }

  private static func requestBody(_ body: APIRoute.Body) -> JSONValue? {
    switch body {
    case .none: nil
    case .json(let shape):
      [
        "required": .bool(shape.fields.contains(where: \.isRequired)),
        "content": ["application/json": ["schema": SchemaText.reference(shape)]],
      ]
    case .bytes: ["required": true, "content": ["application/octet-stream": [:]]]
    }
  }

  // MARK: What comes out

  private static func responses(_ route: APIRoute) -> [JSONValue.Member] {
    let statuses = route.answers.map(\.status).inOrderOnce
    var members = statuses.map { status in
      let contents = route.answers.filter { $0.status == status }.map { content($0.content) }
      let headers: JSONValue? =
        route.isIdempotencyKeyed
        ? ["Idempotent-Replayed": ["schema": ["type": "string"], "description": "`true` on a repetition."]] : nil
      return JSONValue.Member(
        name: "\(status)",
        value: .members(["description": "Done.", "headers": headers, "content": .object(contents)]))
    }
    let words = route.errors.isEmpty ? "" : " Also: " + route.errors.map { "`\($0)`" }.joined(separator: ", ") + "."
    members.append(
      .init(
        name: "default",
        value: .members([
          "description": .string("A problem, named by `error`." + words),
          "content": ["application/problem+json": ["schema": SchemaText.reference(Problem.shape)]],
        ])))
    return members
  }

  private static func content(_ content: APIRoute.Content) -> JSONValue.Member {
    switch content {
    case .json(let shape): .init(name: "application/json", value: ["schema": SchemaText.reference(shape)])
    case .bytes: .init(name: "application/octet-stream", value: [:])
    case .events: .init(name: "text/event-stream", value: ["schema": ["type": "string"]])
    case .text: .init(name: "text/plain", value: ["schema": ["type": "string"]])
    }
  }

  private static var problem: JSONValue {
    [
      "description": "RFC 9457.",
      "content": ["application/problem+json": ["schema": SchemaText.reference(Problem.shape)]],
    ]
  }

  // MARK: Schemas

  private static var schemas: JSONValue {
    .object(namedShapes.map { .init(name: $0.name, value: SchemaText.object($0)) })
  }

  /// Every shape that a call names, and those inside of them, once each.
  static var namedShapes: [Shape] {
    var known: [String: Shape] = [:]
    var order: [String] = []
    func add(_ shape: Shape) {
      if known[shape.name] != nil { return }
      known[shape.name] = shape
      order.append(shape.name)
      for field in shape.fields { add(field.type) }
    }
    func add(_ type: FieldType) {
      switch type {
      case .object(let shape): add(shape)
      case .list(let inner, _), .map(_, let inner, _), .nullable(let inner): add(inner)
      case .either(let types): for type in types { add(type) }
      default: break
      }
    }
    add(Problem.shape)
    add(EventCalls.eventShape)
    for route in APIRoutes.all {
      if case .json(let shape) = route.body { add(shape) }
      for answer in route.answers { if case .json(let shape) = answer.content { add(shape) } }
      for field in route.query { add(field.type) }
    }
    return order.compactMap { known[$0] }
  }
}
