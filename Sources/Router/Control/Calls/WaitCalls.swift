internal import Loop
internal import Sandbox
internal import Store

/// Waiting until something answers on a port.
enum WaitCalls {
  static let routes: [APIRoute] = [
    APIRoute(
      "POST", "/v1/sandboxes/{id}/ports/{port}/wait", "waitForPort",
      "Answers when something listens on the port, exposed or not. Ends when the client goes.",
      body: .json(bodyShape),
      answers: [
        (
          200,
          .json(
            Shape(
              "Ready", "",
              [
                Field("ready", .boolean), Field("port", .integer(1...65535)), Field("elapsedMs", .count),
                Field("attempts", .count), .optional("status", .integer(100...599), "`http` only."),
              ]))
        )
      ],
      errors: [
        "conflict/state", "runner/timeout", "policy/port-reserved", "lifecycle/terminated", "runner/unsupported",
      ],
      finishes: false
    ) { plane, request in try await wait(plane, request) }
  ]

  private static let status = FieldType.integer(100...599)

  static let bodyShape = Shape(
    "WaitBody", "",
    [
      .defaulting("mode", .word(["http", "tcp"]), to: "tcp"), .defaulting("path", .text(.requestPath), to: "/"),
      .defaulting(
        "status",
        .either([
          status, .list(status, countMax: 2), .text(StatusRange.rule),
          .object(Shape("StatusBounds", "", [Field("min", status), Field("max", status)])),
        ]), to: "200-399", "A status, or a range as `200-399`, `[200, 399]` or `{min, max}`."),
      .defaulting("timeoutMs", .integer(1...600_000), to: 30_000),
      .defaulting("intervalMs", .integer(10...60_000), to: 250),
    ])

  @ControlLoop
  private static func wait(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    guard let probe = plane.hooks.probe else {
      throw Problem(501, "runner/unsupported", "this server cannot dial sandboxes").with("capability", "probe")
    }
    let (id, port) = (try request.path.sandboxID(), try request.path.port())
    if plane.runner.reservedPorts.contains(port) {
      throw Problem(403, "policy/port-reserved", "port \(port) is the runner's own, inside of every sandbox")
    }
    var waiting = try PortWait(request.body, port, host: plane.views.host(id, port: port), probe)
    let startMs = plane.nowMs
    while true {
      let row = try await plane.row(id)
      try row.mustRun()
      if await waiting.tryOnce(row.address) { return .ok(waiting.ready(afterMs: plane.nowMs - startMs)) }
      try Task.checkCancellation()
      let elapsedMs = plane.nowMs - startMs
      guard elapsedMs < waiting.timeoutMs else { throw waiting.timedOut(afterMs: elapsedMs) }
      plane.idle.active(id, nowMs: plane.nowMs)
      await plane.clock.sleep(min(waiting.intervalMs, waiting.timeoutMs - elapsedMs))
      try Task.checkCancellation()
    }
  }
}

/// What has to be so, and what was found so far.
private struct PortWait {
  let port: UInt16
  let timeoutMs: UInt64
  let intervalMs: UInt64
  private let isHTTP: Bool
  private let path: String
  private let host: String
  private let statuses: ClosedRange<Int>
  private let deadline: Deadline
  private let probe: any PortProbe
  private var attempts = 0
  private var lastStatus: Int?
  private var lastError = "nothing was tried"

  init(_ body: Values, _ port: UInt16, host: String, _ probe: any PortProbe) throws(Problem) {
    self.port = port
    self.host = host
    self.probe = probe
    isHTTP = body.text("mode") == "http"
    path = body.text("path") ?? "/"
    timeoutMs = UInt64(body.integer("timeoutMs") ?? 30_000)
    intervalMs = UInt64(body.integer("intervalMs") ?? 250)
    deadline = .after(.milliseconds(Int64(timeoutMs)))
    guard let statuses = body["status"].flatMap({ StatusRange.read($0) }) else {
      throw .invalid("status", "expected the lower bound first")
    }
    self.statuses = statuses
  }

  mutating func tryOnce(_ address: SandboxAddress) async -> Bool {
    attempts += 1
    let endpoint = address.endpointOfAnyPort.resolved(port: port)
    // One try may not eat up all the time: a service that hangs once may answer the next.
    let deadline = min(self.deadline, .after(.milliseconds(Int64(min(timeoutMs, max(1_000, 4 * intervalMs))))))
    guard isHTTP else {
      let isOpen = await probe.connect(endpoint, deadline: deadline)
      if !isOpen { lastError = "nothing listens on port \(port)" }
      return isOpen
    }
    lastStatus = await probe.get(endpoint, host: host, path: path, deadline: deadline)
    guard let status = lastStatus else {
      lastError = "no HTTP answer on port \(port)"
      return false
    }
    lastError = "GET \(path) answered \(status)"
    return statuses.contains(status)
  }

  func ready(afterMs elapsedMs: UInt64) -> JSONValue {
    .members([
      "ready": true, "port": .count(port), "elapsedMs": .count(elapsedMs), "attempts": .count(attempts),
      "status": isHTTP ? lastStatus.map { .count($0) } : nil,
    ])
  }

  func timedOut(afterMs elapsedMs: UInt64) -> Problem {
    Problem(504, "runner/timeout", "port \(port) was not ready after \(elapsedMs) ms: \(lastError)")
      .with("ready", false).with("attempts", .count(attempts)).with("lastError", .string(lastError))
      .with("elapsedMs", .count(elapsedMs))
  }
}

/// `200`, `"200-399"`, `[200, 399]`, `{"min": 200, "max": 399}`.
enum StatusRange {
  static let rule = TextRule(
    expected: "a range such as \"200-399\"", lengths: 3...7, pattern: "^[1-5][0-9][0-9](-[1-5][0-9][0-9])?$"
  ) { parse($0) != nil }

  static func read(_ json: JSONValue) -> ClosedRange<Int>? {
    switch json {
    case .string(let text): return parse(text)
    case .array(let bounds):
      guard let first = bounds.first?.integer, let last = bounds.last?.integer else { return nil }
      return range(Int(first), Int(last))
    case .object:
      guard let min = json["min"]?.integer, let max = json["max"]?.integer else { return nil }
      return range(Int(min), Int(max))
    default: return json.integer.flatMap { range(Int($0), Int($0)) }
    }
  }

  private static func parse(_ text: String) -> ClosedRange<Int>? {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { part -> Int? in
      part.utf8.count == 3 ? Int(part).flatMap { (100...599).contains($0) ? $0 : nil } : nil
    }
    guard (1...2).contains(parts.count), let first = parts[0], let last = parts[parts.count - 1] else { return nil }
    return range(first, last)
  }

  private static func range(_ first: Int, _ last: Int) -> ClosedRange<Int>? { first <= last ? first...last : nil }
}
