internal import Loop
internal import Sandbox
internal import Store

/// Why a URL works or fails.
enum ExplainCalls {
  static let routes: [APIRoute] = [
    APIRoute(
      "GET", "/v1/explain", "explain",
      """
      Why a URL works or fails, stage by stage, by what is exposed now. No sandbox is touched. To try a token, send it \
      as `X-Explain-Authorization: Bearer …`.
      """,
      access: .key,
      query: [
        Field("url", .text(.noNUL("a URL", 1...8192))), .defaulting("method", .text(.method), to: "GET"),
      ],
      answers: [
        (
          200,
          .json(
            Shape(
              "Explanation", "",
              [
                Field("url", .plain), Field("forwarded", .boolean), Field("status", .nullable(.integer(100...599))),
                Field("error", .nullable(.plain)),
                Field(
                  "steps",
                  .list(
                    .object(
                      Shape(
                        "ExplanationStep", "",
                        [
                          Field("name", .plain), Field("outcome", .word(["passed", "note", "refused"])),
                          Field("detail", .plain),
                        ])), countMax: 32)),
              ]))
        )
      ]
    ) { plane, request in .ok(try await explain(plane, request)) }
  ]

  @ControlLoop
  private static func explain(_ plane: ControlPlane, _ request: APIRequest) async throws -> JSONValue {
    var explanation = LiveExplanation(url: request.query.text("url") ?? "")
    guard let target = PreviewTarget(explanation.url) else {
      explanation.refuse("url", 400, "request/bad-target", "not a URL of the form https://host[:port]/path")
      return explanation.json
    }
    guard let (port, id) = explanation.place(target, plane) else { return explanation.json }
    let nowMs = plane.nowMs
    let (row, exposure, count) = try await plane.read { tx in
      let row = try tx.sandbox(id)
      let exposure = try tx.exposure(id, port: port).flatMap { $0.isOver(nowMs) ? nil : $0 }
      return (row, exposure, try tx.exposures(id).count)
    }
    guard let row, !row.isUnlisted else {
      explanation.refuse("sandbox", 404, "route/not-found", "there is no sandbox \(id)")
      return explanation.json
    }
    let tried = Tried(
      secret: request.call.headers.first { $0.name == "x-explain-authorization" }?.value,
      client: request.call.client, method: request.query.text("method") ?? "GET")
    explanation.judge(row, exposure, port: port, exposed: count, reserved: plane.runner.reservedPorts, tried)
    return explanation.json
  }
}

extension LiveExplanation {
  /// The port and the sandbox of a preview; nil where the URL leads elsewhere, which is said.
  @ControlLoop
  fileprivate mutating func place(_ target: PreviewTarget, _ plane: ControlPlane) -> (UInt16, SandboxID)? {
    pass("url", "host \(target.host), path \(target.path)")
    guard target.isHTTPS else {
      note("url", "plain http is redirected to https")
      answer(301, nil)
      return nil
    }
    if let gateway = plane.hooks.gateway(target.host) {
      pass("host", gateway)
      return nil
    }
    guard let domain = plane.settings.domains.first(where: { target.host.hasSuffix("." + $0) }) else {
      let own = plane.settings.domains.map { "*." + $0 }.joined(separator: ", ")
      refuse("host", 421, "route/misdirected", "\(target.host) is none of \(own)")
      return nil
    }
    let label = String(target.host.dropLast(domain.utf8.count + 1))
    if label == "api" || SandboxID(label) != nil, PreviewTarget.split(label) == nil {
      note("host", "Porthole's own: \(label == "api" ? "the control API" : "the API of the sandbox \(label)")")
      answer(nil, nil)
      return nil
    }
    guard let (port, id) = PreviewTarget.split(label) else {
      refuse("host", 404, "route/not-found", "\"\(label)\" is not <port>-<id>")
      return nil
    }
    pass("host", "port \(port) of the sandbox \(id), below the domain \(domain)")
    if target.path == "/.porthole" || target.path.hasPrefix("/.porthole/") {
      note("path", "paths below /.porthole/ are answered by Porthole and never reach the sandbox")
      answer(nil, nil)
      return nil
    }
    return (port, id)
  }
}
