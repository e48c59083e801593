internal import Sandbox

/// What a handler answers.
enum Reply: Sendable {
  case json(status: Int, JSONValue)
  /// The handler wrote its answer to the call itself, piece by piece.
  case written

  static func ok(_ body: JSONValue) -> Reply { .json(status: 200, body) }
  static func made(_ body: JSONValue) -> Reply { .json(status: 201, body) }
}

/// Who asks, as far as the control API is concerned.
enum Caller: Hashable, Sendable {
  /// The key's id.
  case apiKey(String)
  /// Whoever holds this sandbox's token.
  case sandbox(SandboxID)
  /// Where no credentials are asked for.
  case anybody

  /// For idempotency: one caller's words are not another's.
  var name: String {
    switch self {
    case .apiKey(let id): id
    case .sandbox(let id): id.text
    case .anybody: "-"
    }
  }
}

/// One call, after everything about it has been checked that can be checked without looking at the sandbox.
struct APIRequest: Sendable {
  let call: any APICall
  let route: APIRoute
  let path: PathValues
  let query: Values
  let body: Values
  let caller: Caller
  /// Nil unless the client sent an `Idempotency-Key`.
  let ticket: IdempotencyTicket?
}

/// What stands in the path where the pattern has names.
struct PathValues: Sendable {
  var texts: [String: String] = [:]

  /// The sandbox that the path speaks of: by its `{id}`, or by the host.
  var sandbox: SandboxID?

  func port() throws(Problem) -> UInt16 {
    guard let text = texts["port"], let port = TextRule.port(text) else {
      throw .notFound("a port in the path is a number from 1 to 65535")
    }
    return port
  }

  func sandboxID() throws(Problem) -> SandboxID {
    guard let sandbox else { throw .noSandbox(texts["id"] ?? "") }
    return sandbox
  }

  func text(_ name: String) -> String { texts[name] ?? "" }
}
