internal import Auth
internal import Loop
internal import Store

/// Keys for this API.
enum KeyCalls {
  static let routes: [APIRoute] = [
    APIRoute(
      "GET", "/v1/keys", "listKeys", "All keys, revoked ones as well, oldest first. Their texts are kept nowhere.",
      access: .key, answers: [(200, .json(Shape("Keys", "", [Field("keys", .list(.object(shape), countMax: .max))])))]
    ) { plane, _ in
      let keys = try await plane.read { try $0.apiKeys() }
      return .ok(["keys": .array(keys.map { json($0) })])
    },
    APIRoute(
      "POST", "/v1/keys", "createKey", "A new key. Its text is shown here and never again.", access: .key,
      body: .json(Shape("KeyBody", "", [Field("name", .text(.name))])), answers: [(201, .json(shape))],
      errors: ["limit/exhausted"]
    ) { plane, request in try await create(plane, request) },
    APIRoute(
      "DELETE", "/v1/keys/{keyId}", "revokeKey", "Revokes a key. The last one that is valid can't be.", access: .key,
      answers: [(200, .json(shape))], errors: ["conflict/state"]
    ) { plane, request in try await revoke(plane, request) },
  ]

  private static let countMax = 1_000

  private static let shape = Shape(
    "Key", "",
    [
      Field("id", .plain), Field("name", .plain), Field("createdAt", .time), Field("lastUsedAt", .nullable(.time)),
      Field("revokedAt", .nullable(.time)), .optional("key", .plain, "Only when it is made."),
    ])

  private static func json(_ key: StoredAPIKey, epoch: UInt64? = nil) -> JSONValue {
    .members([
      "id": .string(key.id), "name": .string(key.name), "createdAt": TimeText.json(ms: key.createdAtMs),
      "lastUsedAt": TimeText.json(ms: key.lastUsedAtMs), "revokedAt": TimeText.json(ms: key.revokedAtMs),
      "key": epoch.map { .derived(.apiKey(id: key.id, epoch: $0)) },
    ])
  }

  @ControlLoop
  private static func create(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    guard plane.apiKeys.validCount < countMax else {
      throw Problem(503, "limit/exhausted", "there can be \(countMax) keys; revoke some")
    }
    let (key, epoch) = APIKeys.make(
      name: request.body.text("name") ?? "", nowMs: plane.nowMs, plane.credentialKeys)
    let (body, ticket, nowMs) = (json(key, epoch: epoch), request.ticket, plane.nowMs)
    try await plane.store.write { tx in
      try tx.insert(key)
      if let ticket { try tx.insert(ticket.answer(status: 201, body: body, sandbox: nil, nowMs: nowMs)) }
    }
    plane.apiKeys.put(key)
    return .made(body)
  }

  @ControlLoop
  private static func revoke(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    let (id, nowMs) = (request.path.text("keyId"), plane.nowMs)
    let key = try await plane.store.write { tx in
      let keys = try tx.apiKeys()
      guard var key = keys.first(where: { $0.id == id }) else {
        throw Problem.notFound("there is no key \(JSONValue.quoted(id))")
      }
      if key.revokedAtMs != nil { return key }
      guard keys.contains(where: { $0.id != id && $0.revokedAtMs == nil }) else {
        throw Problem.conflict("this is the last key; make another before you revoke it")
      }
      key.revokedAtMs = nowMs
      try tx.update(key)
      return key
    }
    plane.apiKeys.put(key)
    return .ok(json(key))
  }
}
