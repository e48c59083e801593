internal import Loop

/// One call of the control API: how it is found, who may make it, what goes in and what comes out. Routing, validation
/// and the OpenAPI document all go by it.
struct APIRoute: Sendable {
  typealias Handler = @ControlLoop @Sendable (ControlPlane, APIRequest) async throws -> Reply

  enum Access: Sendable {
    /// No credentials.
    case anybody
    /// An API key.
    case key
    /// An API key, or the token of the sandbox that the path speaks of.
    case sandbox
  }

  enum Body: Sendable {
    case none
    case json(Shape)
    /// Any bytes, which the handler takes as they come.
    case bytes
  }

  /// What an answer is made of.
  enum Content: Sendable {
    case json(Shape)
    case bytes
    case events
    case text
  }

  let method: String
  let path: PathPattern
  /// Unique; `operationId` in the OpenAPI document.
  let name: String
  let about: String
  let access: Access
  var query: [Field] = []
  var body: Body = .none
  var answers: [(status: Int, content: Content)]
  /// Words that this call may answer beyond those that any may.
  var errors: [String] = []
  /// Once begun it is finished, whether or not the client stays.
  var finishes = true
  let handler: Handler

  init(
    _ method: String, _ path: String, _ name: String, _ about: String, access: Access = .sandbox,
    query: [Field] = [], body: Body = .none, answers: [(status: Int, content: Content)], errors: [String] = [],
    finishes: Bool = true, handler: @escaping Handler
  ) {
    self.method = method
    self.path = PathPattern(path)
    self.name = name
    self.about = about
    self.access = access
    self.query = query
    self.body = body
    self.answers = answers
    self.errors = errors
    self.finishes = finishes
    self.handler = handler
  }

  var isIdempotencyKeyed: Bool { method == "POST" }
}

/// `/v1/sandboxes/{id}/ports/{port}`.
struct PathPattern: Sendable {
  enum Part: Hashable, Sendable {
    case word(String)
    case name(String)
  }

  let text: String
  let parts: [Part]

  init(_ text: String) {
    self.text = text
    parts = text.split(separator: "/").map { part in
      part.hasPrefix("{") ? .name(String(part.dropFirst().dropLast())) : .word(String(part))
    }
  }

  var names: [String] {
    parts.compactMap { part in
      if case .name(let name) = part { name } else { nil }
    }
  }

  /// Nil where the path is another.
  func match(_ segments: [Substring]) -> [String: String]? {
    guard segments.count == parts.count else { return nil }
    var texts: [String: String] = [:]
    for (part, segment) in zip(parts, segments) {
      switch part {
      case .word(let word): if word != segment { return nil }
      case .name(let name):
        guard let text = PercentText.decode(segment), !text.isEmpty else { return nil }
        texts[name] = text
      }
    }
    return texts
  }
}
