internal import Sandbox

/// An answer that says no (RFC 9457), thrown by whoever finds out.
struct Problem: Error, Sendable {
  let status: Int
  /// `<stage>/<code>`, the value of `Porthole-Error`.
  let word: String
  /// What happened, and what to do about it.
  let detail: String
  var errors: [FieldProblem] = []
  /// More members, in their order.
  var more: [JSONValue.Member] = []
  var headers: [(name: String, value: String)] = []
  /// In seconds.
  var retryAfter: Int?

  init(_ status: Int, _ word: String, _ detail: String) {
    self.status = status
    self.word = word
    self.detail = detail
  }

  func with(_ name: String, _ value: JSONValue) -> Problem {
    var problem = self
    problem.more.append(.init(name: name, value: value))
    return problem
  }

  func with(header name: String, _ value: String) -> Problem {
    var problem = self
    problem.headers.append((name, value))
    return problem
  }

  func retrying(after seconds: Int) -> Problem {
    var problem = self
    problem.retryAfter = seconds
    return problem
  }

  func json(requestID: String) -> JSONValue {
    let members: JSONValue = .members([
      "type": .string("urn:porthole:error:" + word.replacing("/", with: ":")),
      "title": .string(Problem.title(word)), "status": .count(status), "detail": .string(detail),
      "error": .string(word), "requestId": .string(requestID),
      "retryAfter": retryAfter.map { .count($0) },
      "errors": errors.isEmpty ? nil : .array(errors.map(\.json)),
    ])
    guard case .object(let own) = members else { return members }
    return .object(own + more)
  }

  var allHeaders: [(name: String, value: String)] {
    var all: [(name: String, value: String)] = [
      ("content-type", "application/problem+json"), ("porthole-error", word), ("cache-control", "no-store"),
    ]
    if let retryAfter { all.append(("retry-after", "\(retryAfter)")) }
    return all + headers
  }

  /// The shape of every problem, for the OpenAPI document.
  static let shape = Shape(
    "Problem", "RFC 9457. Any error has this form.",
    [
      Field("type", .plain, "`urn:porthole:error:<stage>:<code>`"), Field("title", .plain),
      Field("status", .integer(400...599)), Field("detail", .plain, "What happened, and what to do about it."),
      Field("error", .plain, "`<stage>/<code>`, as in the header `Porthole-Error`."), Field("requestId", .plain),
      .optional("retryAfter", .count, "Seconds."),
      .optional(
        "errors",
        .list(
          .object(
            Shape(
              "FieldProblem", "One mistake in a body or a query.",
              [Field("path", .plain, "Such as `ports[0].ttl`."), Field("message", .plain)])), countMax: 100),
        "Every mistake at once."),
      .optional("capability", .plain, "What the runner cannot do."),
      .optional("exposure", .object(ExposureView.shape), "The one that there is already."),
      .optional("ready", .boolean), .optional("attempts", .count), .optional("lastError", .plain),
      .optional("elapsedMs", .count),
    ])
}

// MARK: Ours

extension Problem {
  static func notFound(_ detail: String) -> Problem { Problem(404, "route/not-found", detail) }
  static func noSandbox(_ id: String) -> Problem { notFound("there is no sandbox \(JSONValue.quoted(id))") }
  static func conflict(_ detail: String) -> Problem { Problem(409, "conflict/state", detail) }

  static func invalid(_ errors: [FieldProblem], in place: String = "body") -> Problem {
    let count = errors.count == 1 ? "one mistake" : "\(errors.count) mistakes"
    let first = errors.first.map { ": \($0.path): \($0.message)" } ?? ""
    var problem = Problem(422, "request/invalid-body", "the \(place) has \(count)\(first)")
    problem.errors = errors
    return problem
  }

  static func invalid(_ path: String, _ message: String) -> Problem {
    invalid([FieldProblem(path: path, message: message)])
  }

  static let unauthenticated = Problem(
    401, "auth/unauthenticated",
    "send a valid API key, or a sandbox's own token for its own calls, as \"Authorization: Bearer …\""
  ).with(header: "www-authenticate", "Bearer realm=\"porthole\"")

  static func ended(_ sandbox: SandboxID) -> Problem {
    Problem(410, "lifecycle/terminated", "the sandbox \(sandbox) has ended, for good; make a new one")
  }

  static let internalError = Problem(
    500, "internal/error", "Porthole could not do this; its log says why, under the request's id")

  /// What a runner answered, for a client.
  init(_ error: RunnerError) {
    switch error {
    case .unsupported(let capability):
      self = Problem(
        501, "runner/unsupported", "this server's runner has no capability \"\(capability.rawValue)\""
      ).with("capability", .string(capability.rawValue))
    case .notFound(let what): self = .notFound(what)
    case .conflict(let why): self = .conflict(why)
    case .invalid(let field, let why): self = .invalid(field, why)
    case .exhausted(let what): self = Problem(503, "limit/exhausted", what).retrying(after: 10)
    case .timedOut:
      self = Problem(504, "runner/timeout", "the runner did not get it done in time; look at the state before retrying")
    case .failed(let why): self = Problem(502, "runner/failed", why)
    }
  }

  /// `<stage>/<code>` as a title.
  private static func title(_ word: String) -> String {
    titles[word] ?? word.split(separator: "/").last.map { $0.replacing("-", with: " ").capitalizedFirst } ?? word
  }

  static let titles = [
    "request/invalid-json": "The body is not JSON", "request/invalid-body": "The request has mistakes",
    "request/unsupported-media-type": "The body has to be JSON", "request/body-too-large": "The body is too large",
    "request/method-not-allowed": "Not with this method", "request/timeout": "The body did not come in time",
    "route/not-found": "Not found", "auth/unauthenticated": "No valid credentials",
    "auth/forbidden": "These credentials are not enough", "conflict/already-exposed": "The port is exposed already",
    "conflict/state": "Not in this state", "conflict/idempotency": "The Idempotency-Key was used for something else",
    "conflict/in-progress": "The first request is still running",
    "conflict/configured": "The configuration says otherwise",
    "policy/port-not-allowed": "The network policy forbids this port", "policy/port-reserved": "The port is reserved",
    "runner/unsupported": "The runner cannot do this", "runner/failed": "The runner failed",
    "runner/timeout": "It took too long", "limit/exhausted": "Nothing is left",
    "lifecycle/terminated": "The sandbox has ended", "internal/error": "Porthole failed",
    "limit/draining": "Porthole is stopping",
  ]
}

extension Substring {
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
extension String {
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
