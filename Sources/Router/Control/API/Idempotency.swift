internal import Auth
internal import Loop
internal import Sandbox
internal import Store

/// A request that its client may repeat, as it goes through the house.
struct IdempotencyTicket: Hashable, Sendable {
  /// The caller's name and its word.
  let key: String
  /// SHA-256 of method, path, query and body.
  let fingerprint: [UInt8]

  func answer(status: Int, body: JSONValue, sandbox: SandboxID?, nowMs: UInt64) -> StoredAnswer {
    StoredAnswer(
      key: key, fingerprint: fingerprint, status: status, body: JSONWriter.text(body), sandbox: sandbox,
      createdAtMs: nowMs)
  }
}

/// Requests that are repeated are answered as they were the first time. Only what was done is remembered: a request that
/// failed is tried again.
@ControlLoop
final class Idempotency {
  /// Larger answers are not kept; their repetition is refused rather than done twice.
  static let bodyBytesMax = 1_048_576

  /// Tickets whose first request is still running.
  private var running: Set<String> = []

  nonisolated init() {}

  /// A ticket for a request, or nil where the client asked for none.
  nonisolated static func ticket(
    _ call: [(name: String, value: String)], caller: Caller, method: String, path: String, query: String, body: [UInt8]
  ) throws(Problem) -> IdempotencyTicket? {
    let words = call.filter { $0.name == "idempotency-key" }.map(\.value)
    guard let word = words.first else { return nil }
    guard words.count == 1, (1...255).contains(word.utf8.count), word.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else { throw .invalid("Idempotency-Key", "expected 1 to 255 visible ASCII characters, once") }
    return IdempotencyTicket(
      key: "\(caller.name):\(word)",
      fingerprint: SHA256.hash(Array("\(method) \(path)?\(query)\n".utf8) + body))
  }

  /// Runs `work` unless it was done before.
  func once(
    _ ticket: IdempotencyTicket, _ store: Store, nowMs: UInt64, keptMs: UInt64,
    _ work: @ControlLoop () async throws -> Reply
  ) async throws -> (reply: Reply, isReplay: Bool) {
    guard running.insert(ticket.key).inserted else {
      throw Problem(409, "conflict/in-progress", "the first request with this Idempotency-Key is still running")
        .retrying(after: 1)
    }
    defer { running.remove(ticket.key) }
    if let known = try await store.read({ try $0.answer(ticket.key) }) {
      if nowMs < known.createdAtMs + keptMs { return (try Idempotency.replay(known, for: ticket), true) }
      try await store.write { try $0.forgetAnswers(before: known.createdAtMs + 1) }
    }
    let reply = try await work()
    try await keep(reply, ticket, store, nowMs: nowMs)
    return (reply, false)
  }

  private nonisolated static func replay(_ known: StoredAnswer, for ticket: IdempotencyTicket) throws -> Reply {
    guard ConstantTime.equals(known.fingerprint, ticket.fingerprint) else {
      throw Problem(
        409, "conflict/idempotency", "this Idempotency-Key was used for another request; take a new one for each")
    }
    guard let body = try? JSONParser.parse(known.body) else {
      throw Problem(
        409, "conflict/idempotency", "this was done already, and its answer was too large to be given again")
    }
    return .json(status: known.status, body.withRecipes)
  }

  /// For calls that could not write their answer together with what they did.
  private func keep(_ reply: Reply, _ ticket: IdempotencyTicket, _ store: Store, nowMs: UInt64) async throws {
    guard case .json(let status, let body) = reply else { return }
    let stored = ticket.answer(status: status, body: body, sandbox: nil, nowMs: nowMs)
    let kept = stored.body.count <= Idempotency.bodyBytesMax ? stored : stored.withoutBody
    try await store.write { tx in
      if let known = try tx.answer(ticket.key), known.fingerprint == ticket.fingerprint { return }
      try tx.insert(kept)
    }
  }
}

extension StoredAnswer {
  fileprivate var withoutBody: StoredAnswer {
    var answer = self
    answer.body = []
    return answer
  }
}
