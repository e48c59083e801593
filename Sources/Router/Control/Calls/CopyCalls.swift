internal import Auth
internal import Loop
internal import Sandbox
internal import Store

/// Making sandboxes out of others.
enum CopyCalls {
  static let routes: [APIRoute] = [
    APIRoute(
      "POST", "/v1/sandboxes/{id}/fork", "forkSandbox",
      "Copies a running sandbox, memory and files. Exposures are copied, too; links and credentials are not.",
      access: .key,
      body: .json(Shape("ForkBody", "", [.defaulting("count", .integer(1...64), to: 1)])),
      answers: [
        (
          201,
          .json(
            Shape("Forked", "", [Field("sandboxes", .list(.object(SandboxView.shape), countMax: 64), "With tokens.")]))
        )
      ],
      errors: errors
    ) { plane, request in try await fork(plane, request) },
    APIRoute(
      "POST", "/v1/sandboxes/{id}/snapshots", "snapshotSandbox", "Saves a sandbox, which goes on.", access: .key,
      body: .json(Shape("Nothing", "No members.", [])), answers: [(201, .json(SnapshotCalls.shape))], errors: errors
    ) { plane, request in try await snapshot(plane, request) },
  ]

  private static let errors = [
    "conflict/state", "lifecycle/terminated", "runner/unsupported", "runner/failed", "runner/timeout",
    "limit/exhausted",
  ]
}

extension CopyCalls {
  @ControlLoop
  private static func snapshot(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    let id = try request.path.sandboxID()
    guard let name = SandboxID(Secret.makeID("snap")) else { preconditionFailure("ids that we make follow the rule") }
    let (settling, _) = try await plane.perform(.snapshot, id, cause: .call, copy: .snapshot(name))
    guard let info = settling?.snapshot else { throw Problem.internalError }
    let stored = StoredSnapshot(id: name, sandbox: id, info: info, createdAtMs: plane.nowMs)
    let (body, ticket) = (plane.views.snapshot(stored), request.ticket)
    try await plane.change(id) { change in
      change.publication = .nothing
      try change.tx.insert(stored)
      try change.event(.snapshotted, ["snapshotId": .string(name.text), "sizeBytes": .count(info.sizeBytes)])
      try change.keep(201, body, for: ticket)
    }
    return .made(body)
  }

  @ControlLoop
  private static func fork(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    let (id, count) = (try request.path.sandboxID(), request.body.integer("count") ?? 1)
    try plane.require([.fork])
    let parent = try await plane.row(id)
    try parent.mustRun()
    let begun = (0..<count).map { _ in beginChild(of: parent, plane) }
    let children = begun.map(\.child)
    let result: Result<Void, any Error>
    do {
      try await run(children, of: id, plane)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    for child in begun { await child.settling.ended() }
    try result.get()
    if let failure = begun.compactMap(\.settling.failure).first { throw failure }
    let (views, nowMs, ids) = (plane.views, plane.nowMs, children.map(\.id))
    let body = try await plane.read { tx in
      JSONValue.object([
        .init(
          name: "sandboxes",
          value: .array(
            try ids.map { try views.sandbox(tx.existing($0), tx, nowMs: nowMs, showsToken: true) }))
      ])
    }
    return .made(body)
  }

  private struct Child: Sendable {
    let id: SandboxID
    let promise: ForkedChild
  }

  @ControlLoop
  private static func beginChild(
    of parent: StoredSandbox, _ plane: ControlPlane
  ) -> (child: Child, settling: Settling) {
    guard let id = SandboxID(Secret.makeID("s")) else { preconditionFailure("ids that we make follow the rule") }
    var row = StoredSandbox(
      id: id, name: parent.name, spec: parent.spec, ingress: parent.ingress,
      credential: .make(for: id, plane.credentialKeys), timeoutSec: parent.timeoutSec, onIdle: parent.onIdle,
      createdAtMs: plane.nowMs)
    row.state = .creating
    let (promise, parentID) = (ForkedChild(), parent.id)
    let settling = plane.beginMaking(row, .forked(promise)) { change in
      try change.copyExposures(from: parentID)
      try change.event(.forked, ["from": .string(parentID.text)])
    }
    return (Child(id: id, promise: promise), settling)
  }

  /// Tells every child what became of it, whatever that is.
  @ControlLoop
  private static func run(_ children: [Child], of parent: SandboxID, _ plane: ControlPlane) async throws {
    do {
      let (settling, _) = try await plane.perform(
        .fork, parent, cause: .call, copy: .children(children.map(\.id)))
      guard let addresses = settling?.addresses, addresses.count == children.count else {
        throw Problem(RunnerError.failed("the runner did not say where the copies are"))
      }
      for (child, address) in zip(children, addresses) { child.promise.report(.success(address)) }
    } catch {
      let reason = (error as? Problem)?.detail ?? "the fork failed"
      for child in children { child.promise.report(.failure(.failed(reason))) }
      throw error
    }
  }
}

extension SandboxChange {
  /// Published anew, so that no credential of the parent's opens the child.
  fileprivate func copyExposures(from parent: SandboxID) throws {
    for var stored in try tx.exposures(parent) where !stored.isOver(nowMs) {
      stored.sandbox = row.id
      stored.exposure.nonce = SecureRandom.nonzero()
      stored.exposure.links = []
      stored.createdAtMs = nowMs
      stored.firstRequestAtMs = nil
      try tx.insert(stored)
    }
  }
}
