internal import Auth
internal import Loop
internal import Sandbox
internal import Store

/// Making, listing, looking at and ending sandboxes.
enum SandboxCalls {
  static let routes: [APIRoute] = [
    APIRoute(
      "POST", "/v1/sandboxes", "createSandbox", "Makes a sandbox. Its token is shown here and never again.",
      access: .key, body: .json(CreateBody.shape), answers: [(201, .json(SandboxView.shape))],
      errors: ["runner/unsupported", "runner/failed", "runner/timeout", "limit/exhausted"]
    ) { plane, request in try await create(plane, request) },
    APIRoute(
      "GET", "/v1/sandboxes", "listSandboxes", "Sandboxes that have not ended, oldest first.", access: .key,
      query: ListView.pageFields, answers: [(200, .json(ListView.shape("Sandboxes", "sandboxes", SandboxView.shape)))]
    ) { plane, request in try await list(plane, request) },
    APIRoute(
      "GET", "/v1/sandboxes/{id}", "getSandbox", "One sandbox; also one that has ended.",
      answers: [(200, .json(SandboxView.shape))]
    ) { plane, request in
      let (id, nowMs, views) = (try request.path.sandboxID(), plane.nowMs, plane.views)
      return .ok(try await plane.read { tx in try views.sandbox(tx.existing(id), tx, nowMs: nowMs) })
    },
    APIRoute(
      "DELETE", "/v1/sandboxes/{id}", "deleteSandbox",
      "Ends a sandbox for good and tells what it used. Ending it again tells the same.", access: .key,
      answers: [(200, .json(endedShape))], errors: ["runner/unsupported", "runner/failed", "runner/timeout"]
    ) { plane, request in
      let row = try await plane.ask(.destroy, try request.path.sandboxID())
      return .ok(plane.views.ended(row, nowMs: plane.nowMs))
    },
    APIRoute(
      "POST", "/v1/sandboxes/{id}/timeout", "setTimeout",
      "Sets the idle timeout and starts its clock again.",
      body: .json(
        Shape("TimeoutBody", "", [Field("seconds", .integer(0...31_536_000), "0: none.")])),
      answers: [(200, .json(SandboxView.shape))], errors: ["lifecycle/terminated"]
    ) { plane, request in try await setTimeout(plane, request) },
    APIRoute(
      "POST", "/v1/sandboxes/{id}/token/rotate", "rotateToken",
      "A new token. The old one, and all links and cookies that came from it, are over at once.", access: .key,
      answers: [
        (200, .json(Shape("NewToken", "", [Field("id", .plain), Field("token", .plain, "Not shown again.")])))
      ], errors: ["lifecycle/terminated"]
    ) { plane, request in try await rotate(plane, request) },
  ]

  private static let endedShape = Shape(
    "Ended", "What a sandbox used.",
    [
      Field("id", .plain), Field("status", .word(["terminated"])), Field("cpuMs", .count),
      Field("memPeakBytes", .count),
      Field("uptimeMs", .count, "Time in state `running`."),
    ])
}

extension SandboxCalls {
  @ControlLoop
  private static func create(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    try plane.require([.create])
    let body = try CreateBody(request.body, image: plane.settings.image)
    var row = body.row
    row.credential = .make(for: row.id, plane.credentialKeys)
    row.createdAtMs = plane.nowMs
    // Without waiting the answer is given, and kept, before there is anything to keep it with.
    let (views, ticket) = (plane.views, body.waits ? request.ticket : nil)
    let work = Task { @ControlLoop [row] in
      try await plane.make(row, .fresh) { change in
        try change.event(.created)
        let body = views.sandbox(change.row, exposedPorts: 0, showsToken: true)
        try change.keep(201, body, for: ticket)
      }
    }
    if body.waits {
      return .made(views.sandbox(try await work.value, exposedPorts: 0, showsToken: true))
    }
    return .made(views.sandbox(row, exposedPorts: 0, showsToken: true))
  }

  @ControlLoop
  private static func list(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    let (limit, after) = (request.query.limit, try request.query.cursorID())
    let (nowMs, views) = (plane.nowMs, plane.views)
    return .ok(
      try await plane.read { tx in
        try ListView.page(
          "sandboxes", try tx.sandboxes(after: after, limit: limit + 1), limit: limit, cursor: { $0.id.text }
        ) { try views.sandbox($0, tx, nowMs: nowMs) }
      })
  }

  @ControlLoop
  private static func setTimeout(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    let seconds = request.body.integer("seconds") ?? 0
    let (views, nowMs) = (plane.views, plane.nowMs)
    let (row, body) = try await plane.change(try request.path.sandboxID()) { change in
      change.publication = .nothing
      try change.mustLive()
      change.row.timeoutSec = seconds == 0 ? nil : seconds
      return (change.row, try views.sandbox(change.row, change.tx, nowMs: nowMs))
    }
    plane.idle.follow(row, nowMs: nowMs)
    plane.armIdle()
    return .ok(body)
  }

  @ControlLoop
  private static func rotate(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    let (keys, ticket) = (plane.credentialKeys, request.ticket)
    let body = try await plane.change(try request.path.sandboxID()) { change in
      try change.mustLive()
      let credential = SandboxCredential.make(for: change.id, keys)
      change.row.credential = credential
      try change.event(.revoked)
      let body: JSONValue = [
        "id": .string(change.id.text),
        "token": .derived(.token(sandbox: change.id.text, epoch: credential.epoch)),
      ]
      try change.keep(200, body, for: ticket)
      return body
    }
    return .ok(body)
  }
}

extension SandboxChange {
  func mustLive() throws(Problem) {
    if row.endedAtMs != nil { throw .ended(row.id) }
  }

  func mustRun() throws(Problem) {
    try mustLive()
    try row.mustRun()
  }
}

extension StoredSandbox {
  func mustRun() throws(Problem) {
    if endedAtMs != nil { throw .ended(id) }
    guard state == .running else {
      throw .conflict("the sandbox is \(state.rawValue); this needs a running one, so resume it first")
    }
  }
}
