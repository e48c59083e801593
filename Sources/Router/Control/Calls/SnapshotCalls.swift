internal import Auth
internal import Loop
internal import Sandbox
internal import Store

/// Saved sandboxes.
enum SnapshotCalls {
  static let shape = Shape(
    "Snapshot", "",
    [
      Field("id", .plain), Field("sandboxId", .plain), Field("runId", .plain, "The same as `sandboxId`."),
      Field("sizeBytes", .count), Field("createdAt", .time),
    ])

  static let routes: [APIRoute] = [
    APIRoute(
      "GET", "/v1/snapshots", "listSnapshots", "Oldest first.", access: .key, query: ListView.pageFields,
      answers: [(200, .json(ListView.shape("Snapshots", "snapshots", shape)))]
    ) { plane, request in
      let (limit, after, views) = (request.query.limit, try request.query.cursorID(), plane.views)
      return .ok(
        try await plane.read { tx in
          ListView.page(
            "snapshots", try tx.snapshots(after: after, limit: limit + 1), limit: limit, cursor: { $0.id.text },
            views.snapshot)
        })
    },
    APIRoute(
      "GET", "/v1/snapshots/{snapshotId}", "getSnapshot", "One snapshot.", access: .key,
      answers: [(200, .json(shape))]
    ) { plane, request in
      .ok(plane.views.snapshot(try await known(plane, request)))
    },
    APIRoute(
      "POST", "/v1/snapshots/{snapshotId}/restore", "restoreSnapshot",
      "Makes a sandbox of what was saved, with an id and a token of its own.", access: .key,
      body: .json(restoreShape), answers: [(201, .json(SandboxView.shape))],
      errors: ["runner/unsupported", "runner/failed", "runner/timeout", "limit/exhausted"]
    ) { plane, request in try await restore(plane, request) },
    APIRoute(
      "DELETE", "/v1/snapshots/{snapshotId}", "deleteSnapshot", "Forgets what was saved.", access: .key,
      answers: [(200, .json(Shape("Deleted", "", [Field("id", .plain), Field("status", .word(["deleted"]))])))],
      errors: ["runner/unsupported", "runner/failed", "runner/timeout"]
    ) { plane, request in try await delete(plane, request) },
  ]

  private static let restoreShape = Shape(
    "RestoreBody", "What shall be different from the sandbox that was saved.",
    [
      .optional("name", .text(.name)), .optional("timeoutSec", .integer(0...31_536_000)),
      .optional("onTimeout", .word(IdleAction.allCases.map(\.rawValue))),
      .optional("ingress", .object(SandboxView.ingressShape)),
    ])
}

extension SnapshotCalls {
  @ControlLoop
  private static func known(_ plane: ControlPlane, _ request: APIRequest) async throws -> StoredSnapshot {
    let text = request.path.text("snapshotId")
    let found = try await plane.read { tx in try SandboxID(text).flatMap { try tx.snapshot($0) } }
    guard let found else { throw Problem.notFound("there is no snapshot \(JSONValue.quoted(text))") }
    return found
  }

  @ControlLoop
  private static func restore(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    try plane.require([.snapshot])
    let saved = try await known(plane, request)
    let original = try await plane.read { try $0.sandbox(saved.sandbox) }
    guard let id = SandboxID(Secret.makeID("s")) else { preconditionFailure("ids that we make follow the rule") }
    var row = StoredSandbox(
      id: id, name: request.body.text("name") ?? original?.name, spec: saved.info.spec,
      ingress: request.body.object("ingress").map { Ingress($0) } ?? original?.ingress ?? Ingress(),
      credential: .make(for: id, plane.credentialKeys), timeoutSec: original?.timeoutSec,
      onIdle: original?.onIdle ?? .destroy, createdAtMs: plane.nowMs)
    row.setTimeout(request.body)
    let (views, ticket) = (plane.views, request.ticket)
    let made = try await plane.make(row, .restored(snapshot: saved.id)) { change in
      try change.event(.restored, ["snapshotId": .string(saved.id.text)])
      try change.keep(201, views.sandbox(change.row, exposedPorts: 0, showsToken: true), for: ticket)
    }
    return .made(views.sandbox(made, exposedPorts: 0, showsToken: true))
  }

  @ControlLoop
  private static func delete(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    try plane.require([.snapshot])
    let (saved, runner) = (try await known(plane, request), plane.runner)
    do {
      try await plane.inside(plane.settings.destroyTimeout) { deadline throws(RunnerError) in
        try await runner.deleteSnapshot(saved.id, deadline: deadline)
      }
    } catch RunnerError.notFound {
      // Only our row is left of it.
    }
    try await plane.store.write { tx in _ = try tx.removeSnapshot(saved.id) }
    return .ok(["id": .string(saved.id.text), "status": "deleted"])
  }
}
