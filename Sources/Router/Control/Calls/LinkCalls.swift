internal import Auth
internal import Bytes
internal import Loop
internal import Sandbox
internal import Store

/// Share links.
enum LinkCalls {
  static let routes: [APIRoute] = [
    APIRoute(
      "POST", "/v1/sandboxes/{id}/ports/{port}/links", "createLink",
      "Makes a link to a protected port. Its URL is shown here and never again.", body: .json(bodyShape),
      answers: [(201, .json(LinkView.shape))], errors: ["conflict/state", "limit/exhausted", "lifecycle/terminated"]
    ) { plane, request in try await create(plane, request) },
    APIRoute(
      "GET", "/v1/sandboxes/{id}/ports/{port}/links", "listLinks", "Links that are still good, oldest first.",
      query: ListView.pageFields, answers: [(200, .json(ListView.shape("Links", "links", LinkView.shape)))]
    ) { plane, request in try await list(plane, request) },
    APIRoute(
      "DELETE", "/v1/sandboxes/{id}/ports/{port}/links/{linkId}", "revokeLink",
      "Ends a link, and what is open by it, at once.",
      answers: [
        (200, .json(Shape("Revoked", "", [Field("id", .plain), Field("status", .word(["revoked"]))])))
      ], errors: ["lifecycle/terminated"]
    ) { plane, request in try await revoke(plane, request) },
  ]

  static let bodyShape = Shape(
    "LinkBody", "",
    [
      .defaulting("ttl", .duration(60...31_536_000), to: 86_400),
      .defaulting("once", .boolean, to: false, "It can be opened once. What that began goes on until the link's end."),
      .optional("pathPrefix", .text(.pathPrefix), "`/docs` covers `/docs` and `/docs/a`, not `/docsx`."),
      .defaulting("methods", .list(.text(.method), countMax: 32), to: [], "Empty: any."),
      .defaulting("allowIPs", .list(.text(.cidr), countMax: 256), to: [], "Empty: any."),
      .optional("name", .text(.name)),
      .optional("next", .text(.next), "Where it leads; default: `pathPrefix`, or `/`."),
    ])
}

extension LinkCalls {
  @ControlLoop
  private static func create(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    let (port, nowMs, views, ticket) = (try request.path.port(), plane.nowMs, plane.views, request.ticket)
    let (link, countMax) = (ShareLink(request.body, nowMs: nowMs), plane.settings.linksPerExposureMax)
    let next = request.body.text("next") ?? link.pathPrefix ?? "/"
    let name = request.body.text("name")
    let body = try await plane.change(try request.path.sandboxID()) { change in
      try change.mustLive()
      let (exposure, credential) = try change.protected(port)
      try change.makeRoom(port, countMax: countMax)
      let stored = StoredLink(sandbox: change.id, port: port, link: link, name: name, createdAtMs: nowMs)
      try change.tx.insert(stored)
      let pass = Pass(
        kind: link.once ? .onceGrant : .grant, port: port, expiresAt: link.expiresAtMs / 1000,
        epoch: credential.epoch, nonce: exposure.nonce, link: link.id)
      let body = views.link(stored, url: views.bootstrap(change.id, pass, next: next))
      try change.event(
        .linkCreated, port: port, ["link": .string(LinkID.text(link.id)), "once": .bool(link.once)])
      try change.keep(201, body, for: ticket)
      return body
    }
    return .made(body)
  }

  @ControlLoop
  private static func list(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    let (id, port, nowMs) = (try request.path.sandboxID(), try request.path.port(), plane.nowMs)
    let (views, limit, cursor) = (plane.views, request.query.limit, request.query.text("cursor"))
    let after = cursor.flatMap { Cursor.key($0) }.flatMap { LinkID.number($0) }
    if cursor != nil, after == nil {
      throw Problem.invalid(
        [FieldProblem(path: "cursor", message: "expected the \"next\" of another page")], in: "query")
    }
    return .ok(
      try await plane.read { tx in
        _ = try tx.existing(id)
        guard let stored = try tx.exposure(id, port: port), !stored.isOver(nowMs) else {
          throw Problem.notExposed(port)
        }
        var links = try tx.links(id, port: port)[...]
        if let after { links = links.drop { $0.link.id != after }.dropFirst() }
        let good = links.filter { !$0.isOver(nowMs) }
        return ListView.page(
          "links", Array(good.prefix(limit + 1)), limit: limit, cursor: { LinkID.text($0.link.id) }
        ) { views.link($0) }
      })
  }

  @ControlLoop
  private static func revoke(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    let (port, text) = (try request.path.port(), request.path.text("linkId"))
    try await plane.change(try request.path.sandboxID()) { change in
      try change.mustLive()
      guard let id = LinkID.number(text), let link = try change.tx.link(id), link.sandbox == change.id,
        link.port == port, !link.isOver(change.nowMs), try change.exposure(port) != nil
      else { throw Problem.notFound("there is no link \(JSONValue.quoted(text)) on port \(port)") }
      _ = try change.tx.removeLink(id)
      try change.event(.linkRevoked, port: port, ["link": .string(text)])
    }
    return .ok(["id": .string(text), "status": "revoked"])
  }
}

extension SandboxChange {
  /// An exposure that links make sense for.
  fileprivate func protected(_ port: UInt16) throws -> (Exposure, SandboxCredential) {
    guard let stored = try exposure(port) else { throw Problem.notExposed(port) }
    guard stored.exposure.auth == .token, let credential = row.credential else {
      throw Problem.conflict("port \(port) is open to everybody; links are for ports with auth \"token\"")
    }
    return (stored.exposure, credential)
  }

  /// Links that have ended make room for new ones.
  fileprivate func makeRoom(_ port: UInt16, countMax: Int) throws {
    let links = try tx.links(row.id, port: port)
    for link in links where link.isOver(nowMs) { _ = try tx.removeLink(link.link.id) }
    guard links.count(where: { !$0.isOver(nowMs) }) < countMax else {
      throw Problem(503, "limit/exhausted", "a port can have \(countMax) links; revoke some")
    }
  }
}

extension ShareLink {
  /// From a body that follows `LinkCalls.bodyShape`.
  fileprivate init(_ body: Values, nowMs: UInt64) {
    self.init(
      id: SecureRandom.nonzero(), once: body.bool("once") ?? false,
      expiresAtMs: (nowMs / 1000 + UInt64(body.seconds("ttl") ?? 86_400)) * 1000, pathPrefix: body.text("pathPrefix"),
      methods: (body.texts("methods") ?? []).inOrderOnce,
      allowIPs: (body.texts("allowIPs") ?? []).compactMap { CIDR($0) })
  }
}
