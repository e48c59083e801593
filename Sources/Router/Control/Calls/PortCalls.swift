internal import Auth
internal import Bytes
internal import Loop
internal import Sandbox
internal import Store

/// Exposing ports.
enum PortCalls {
  static let routes: [APIRoute] = [
    APIRoute(
      "POST", "/v1/sandboxes/{id}/ports", "exposePort", "Gives a port a URL.", body: .json(bodyShape),
      answers: [(201, .json(ExposureView.shape))],
      errors: [
        "conflict/already-exposed", "policy/port-not-allowed", "policy/port-reserved", "limit/exhausted",
        "lifecycle/terminated",
      ]
    ) { plane, request in try await expose(plane, request) },
    APIRoute(
      "GET", "/v1/sandboxes/{id}/ports", "listPorts", "Exposed ports, ascending.", query: ListView.pageFields,
      answers: [(200, .json(ListView.shape("Ports", "ports", ExposureView.shape)))]
    ) { plane, request in try await list(plane, request) },
    APIRoute(
      "GET", "/v1/sandboxes/{id}/ports/{port}", "getPort", "One exposure, with a fresh `browserUrl`.",
      answers: [(200, .json(ExposureView.shape))]
    ) { plane, request in
      let (id, port, nowMs, views) = (
        try request.path.sandboxID(), try request.path.port(), plane.nowMs, plane.views
      )
      return .ok(
        try await plane.read { tx in
          let row = try tx.existing(id)
          guard let stored = try tx.exposure(id, port: port), !stored.isOver(nowMs), row.endedAtMs == nil else {
            throw Problem.notExposed(port)
          }
          return views.exposure(stored, of: row, nowMs: nowMs)
        })
    },
    APIRoute(
      "DELETE", "/v1/sandboxes/{id}/ports/{port}", "closePort",
      "Closes it. What is open through it ends at once, and its links are over.",
      answers: [
        (
          200,
          .json(Shape("Closed", "", [Field("port", .integer(1...65535)), Field("status", .word(["closed"]))]))
        )
      ],
      errors: ["conflict/configured", "lifecycle/terminated"]
    ) { plane, request in try await close(plane, request) },
  ]

  static let bodyShape = Shape(
    "ExposeBody", "",
    [
      Field("port", .integer(1024...65535)), .optional("name", .text(.name)),
      .defaulting(
        "auth", .either([.word(ExposureAuth.allCases.map(\.rawValue)), .boolean]), to: "none",
        "`token` (or true): only with the sandbox's token, or a link."),
      .optional("ttl", .duration(1...315_360_000), "Closes by itself after that; default: stays open."),
      .defaulting(
        "allowIPs", .list(.text(.cidr), countMax: 256), to: [], "Addresses that may use it; empty: any."),
      .defaulting(
        "host", .text(.hostPolicy), to: "public",
        "The `Host` that the application sees: the preview's own, `localhost:<port>`, or a fixed name."),
      .defaulting(
        "protocol", .word(UpstreamProtocol.allCases.map(\.rawValue)), to: "http", "What the application speaks."),
      .defaulting(
        "embedOrigins", .list(.text(.origin), countMax: 64), to: [],
        "Sites whose pages may embed and call it with its cookie."),
      .defaulting("wake", .boolean, to: false, "A request resumes a sandbox that sleeps."),
      .defaulting("keepAlive", .boolean, to: true, "Its traffic counts as activity for the idle timeout."),
    ])
}

extension Problem {
  static func notExposed(_ port: UInt16) -> Problem { notFound("port \(port) is not exposed") }
}

extension PortCalls {
  @ControlLoop
  private static func expose(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    let (id, nowMs, views, ticket) = (try request.path.sandboxID(), plane.nowMs, plane.views, request.ticket)
    let (reserved, countMax) = (plane.runner.reservedPorts, plane.settings.exposuresPerSandboxMax)
    let wanted = Exposure(request.body, nowMs: nowMs)
    let body = try await plane.change(id) { change in
      try change.mustLive()
      try change.mayExpose(wanted.port, reserved: reserved)
      try change.isFree(wanted.port, views, countMax: countMax)
      let stored = StoredExposure(sandbox: id, exposure: wanted, createdAtMs: max(1, nowMs))
      try change.tx.insert(stored)
      let body = views.exposure(stored, of: change.row, nowMs: nowMs)
      try change.event(.exposed, port: wanted.port, views.exposedDetails(stored, change.row))
      try change.keep(201, body, for: ticket)
      return body
    }
    if let atMs = wanted.expiresAtMs {
      plane.expiries.add(.init(atMs: atMs, sandbox: id, port: wanted.port))
      plane.armExpiry()
    }
    return .made(body)
  }

  @ControlLoop
  private static func list(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    let (id, nowMs, views, limit) = (try request.path.sandboxID(), plane.nowMs, plane.views, request.query.limit)
    var after: UInt16 = 0
    if let cursor = request.query.text("cursor") {
      guard let port = Cursor.key(cursor).flatMap({ TextRule.port($0) }) else {
        throw Problem.invalid(
          [FieldProblem(path: "cursor", message: "expected the \"next\" of another page")], in: "query")
      }
      after = port
    }
    return .ok(
      try await plane.read { [after] tx in
        let row = try tx.existing(id)
        let all = row.endedAtMs == nil ? try tx.exposures(id) : []
        let rest = all.filter { $0.exposure.port > after && !$0.isOver(nowMs) }
        return ListView.page("ports", Array(rest.prefix(limit + 1)), limit: limit, cursor: { "\($0.exposure.port)" }) {
          views.exposure($0, of: row, nowMs: nowMs)
        }
      })
  }

  @ControlLoop
  private static func close(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    let port = try request.path.port()
    try await plane.change(try request.path.sandboxID()) { change in
      try change.mustLive()
      guard let stored = try change.exposure(port) else { throw Problem.notExposed(port) }
      guard !stored.isConfigured else {
        throw Problem(
          409, "conflict/configured", "port \(port) is exposed by the configuration; close it there and reload")
      }
      _ = try change.tx.removeExposure(change.id, port: port)
      try change.event(.closed, port: port)
    }
    return .ok(["port": .count(port), "status": "closed"])
  }
}

extension SandboxChange {
  func mayExpose(_ port: UInt16, reserved: Set<UInt16>) throws(Problem) {
    if reserved.contains(port) {
      throw Problem(403, "policy/port-reserved", "port \(port) is the runner's own, inside of every sandbox")
    }
    guard row.ingress.allows(port) else {
      let allowed = (row.ingress.allowPorts ?? []).sorted().prefix(20).map(String.init).joined(separator: ", ")
      throw Problem(
        403, "policy/port-not-allowed",
        "port \(port) is blocked by the sandbox's network policy, which allows \(allowed.isEmpty ? "none" : allowed)")
    }
  }

  /// Removes one that has ended and was not swept up yet.
  fileprivate func isFree(_ port: UInt16, _ views: Views, countMax: Int) throws {
    let all = try tx.exposures(row.id)
    if let known = all.first(where: { $0.exposure.port == port }) {
      guard known.isOver(nowMs) else {
        throw Problem(
          409, "conflict/already-exposed",
          "port \(port) is already exposed, at \(views.origin(row.id, port: port))/; close it first to change it"
        ).with("exposure", views.exposure(known, of: row, nowMs: nowMs))
      }
      _ = try tx.removeExposure(row.id, port: port)
    } else if all.count >= countMax {
      throw Problem(503, "limit/exhausted", "a sandbox can have \(countMax) exposed ports; close some")
    }
  }
}

extension Views {
  fileprivate func exposedDetails(_ stored: StoredExposure, _ row: StoredSandbox) -> JSONValue {
    .members([
      "url": .string(origin(row.id, port: stored.exposure.port) + "/"),
      "name": stored.exposure.name.map { .string($0) },
      "auth": .string(stored.exposure.auth.rawValue),
      "expiresAt": stored.exposure.expiresAtMs.map { TimeText.json(ms: $0) },
    ])
  }
}

extension Exposure {
  /// From a body that follows `PortCalls.bodyShape`.
  init(_ body: Values, nowMs: UInt64) {
    let isProtected = body.text("auth") == "token" || body.bool("auth") == true
    self.init(
      port: UInt16(clamping: body.integer("port") ?? 0), name: body.text("name"),
      host: HostPolicy(body.text("host") ?? "public"),
      upstream: body.text("protocol").flatMap(UpstreamProtocol.init(rawValue:)) ?? .http1,
      auth: isProtected ? .token : .none, allowIPs: (body.texts("allowIPs") ?? []).compactMap { CIDR($0) },
      embedOrigins: (body.texts("embedOrigins") ?? []).compactMap { WebOrigin.normalized($0) }.inOrderOnce,
      wake: body.bool("wake") ?? false, keepAlive: body.bool("keepAlive") ?? true,
      expiresAtMs: body.seconds("ttl").map { nowMs + UInt64($0) * 1000 }, nonce: SecureRandom.nonzero())
  }
}

extension Array where Element: Hashable {
  /// Without repetitions.
  var inOrderOnce: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
