internal import Loop
internal import Sandbox
internal import Store

/// The feed of what happens.
enum EventCalls {
  static let routes: [APIRoute] = [
    APIRoute(
      "GET", "/v1/events", "getEvents",
      "What happens, as server-sent events from now on, or from `Last-Event-ID` (or `after`) on; or as JSON.",
      access: .key,
      query: [
        .optional("format", .word(["json", "sse"]), "Default: `sse`."),
        .optional("after", .count, "The `id` of the last event that is known already."),
        .defaulting("limit", .integer(1...1000), to: 100, "JSON only."),
        .optional("sandbox", .text(.sandboxID), "Of one sandbox only."),
        .optional("type", .word(EventType.allCases.map(\.rawValue)), "Of one type only."),
      ],
      answers: [(200, .events), (200, .json(pageShape))], finishes: false
    ) { plane, request in
      let filter = EventFilter(request.query)
      if request.query.text("format") == "json" { return try await page(plane, request, filter) }
      try await follow(plane, request, filter)
      return .written
    }
  ]

  static let eventShape = Shape(
    "Event", "More members follow, which depend on the type.",
    [
      Field("id", .count), Field("type", .word(EventType.allCases.map(\.rawValue))), Field("at", .time),
      .optional("sandboxId", .plain), .optional("port", .integer(0...65535)),
      .optional("reason", .plain), .optional("detail", .plain), .optional("verb", .plain),
      .optional("action", .plain), .optional("url", .plain), .optional("name", .plain), .optional("auth", .plain),
      .optional("expiresAt", .time), .optional("link", .plain), .optional("once", .boolean),
      .optional("client", .plain), .optional("count", .count), .optional("error", .plain),
      .optional("snapshotId", .plain), .optional("sizeBytes", .count), .optional("from", .plain),
    ])

  private static let pageShape = Shape(
    "Events", "",
    [
      Field("events", .list(.object(eventShape), countMax: 1000)),
      Field("next", .nullable(.count), "Where the next page begins (`after`); null where there is no more yet."),
    ])

  // MARK: As JSON

  /// A page looks at no more rows than this, so that a filter that nothing passes ends, too.
  private static let scannedMax = 20_000

  @ControlLoop
  private static func page(_ plane: ControlPlane, _ request: APIRequest, _ filter: EventFilter) async throws -> Reply {
    let (limit, first) = (request.query.limit, request.query.integer("after").map { Int64($0) } ?? 0)
    let (events, next) = try await plane.read { tx in
      var (after, events, scanned) = (first, [StoredEvent](), 0)
      while scanned < scannedMax {
        let rows = try tx.events(after: after, limit: EventFeed.pageMax)
        scanned += rows.count
        for row in rows {
          after = row.sequence
          if filter.passes(row) { events.append(row) }
          if events.count == limit { return (events, Int64?.some(after)) }
        }
        if rows.count < EventFeed.pageMax { return (events, nil) }
      }
      return (events, after)
    }
    return .ok(["events": .array(events.map(\.json)), "next": next.map { .int($0) } ?? .null])
  }

  // MARK: As a stream

  @ControlLoop
  private static func follow(_ plane: ControlPlane, _ request: APIRequest, _ filter: EventFilter) async throws {
    var after = try await start(plane, request)
    let stream = EventStream(request.call)
    plane.feed.begin()
    defer {
      plane.feed.end()
      stream.end()
    }
    await stream.comment("porthole")
    if let gap = try await gap(plane, after) {
      await stream.send("gap", ["after": .int(after), "from": .int(gap)])
      after = gap
    }
    while !stream.isGone, !plane.feed.isStopped, !Task.isCancelled, plane.mayFollow(request.caller) {
      let next = plane.feed.next()
      let events = try await plane.feed.events(after: after)
      for event in events where !stream.isGone {
        if filter.passes(event) { await stream.send(event.type, event.json, id: event.sequence) }
        after = event.sequence
      }
      if events.isEmpty, await plane.isQuiet(next) { await stream.comment("keep-alive") }
      plane.feed.forget(next)
    }
  }

  /// Where the client left off; now, if it says nothing.
  @ControlLoop
  private static func start(_ plane: ControlPlane, _ request: APIRequest) async throws -> Int64 {
    if let header = request.call.headers.first(where: { $0.name == "last-event-id" }) {
      guard let id = Int64(header.value.trimmingSpaces), id >= 0 else {
        throw Problem.invalid([FieldProblem(path: "Last-Event-ID", message: "expected an event's id")], in: "request")
      }
      return id
    }
    if let after = request.query.integer("after") { return Int64(after) }
    return try await plane.read { try $0.lastSequence() }
  }

  /// Where the feed goes on if what follows `after` is no longer kept, or `after` is of another store.
  @ControlLoop
  private static func gap(_ plane: ControlPlane, _ after: Int64) async throws -> Int64? {
    try await plane.read { tx in
      let last = try tx.lastSequence()
      if after > last { return last }
      guard after < last else { return nil }
      guard let oldest = try tx.events(after: 0, limit: 1).first?.sequence else { return last }
      return oldest > after + 1 ? oldest - 1 : nil
    }
  }
}

extension ControlPlane {
  /// Waits for something to happen: false then, and true if nothing did for long.
  fileprivate func isQuiet(_ next: Wait) async -> Bool {
    var isQuiet = false
    let alarm = clock.after(15_000) {
      isQuiet = true
      next.end()
    }
    await withTaskCancellationHandler {
      await next.ended()
    } onCancel: {
      Task { @ControlLoop in next.end() }
    }
    alarm.cancel()
    return isQuiet
  }

  /// A key that was revoked reads no further.
  fileprivate func mayFollow(_ caller: Caller) -> Bool {
    guard case .apiKey(let id) = caller else { return true }
    return apiKeys.isValid(id)
  }
}

/// Which events a reader wants.
struct EventFilter: Sendable {
  private let sandbox: String?
  private let type: String?

  init(_ query: Values) {
    sandbox = query.text("sandbox")
    type = query.text("type")
  }

  func passes(_ event: StoredEvent) -> Bool {
    if let sandbox, event.sandbox?.text != sandbox { return false }
    return type == nil || event.type == type
  }
}
