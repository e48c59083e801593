internal import Sandbox
internal import Store

/// What has been used.
enum UsageCalls {
  static let routes: [APIRoute] = [
    APIRoute(
      "GET", "/v1/usage", "getUsage", "All sandboxes together, living and ended.", access: .key,
      answers: [
        (
          200,
          .json(
            Shape(
              "Usage", "",
              [
                Field("activeSandboxes", .count), Field("historySandboxes", .count), Field("cpuSeconds", .number),
                Field("memSeconds", .number, "GiB of memory times seconds in state `running`."),
                Field("uptimeSeconds", .number), Field("asOf", .time),
              ]))
        )
      ]
    ) { plane, _ in
      let nowMs = plane.nowMs
      return .ok(try await plane.read { try Totals($0, nowMs: nowMs).json(nowMs: nowMs) })
    },
    APIRoute(
      "GET", "/v1/history", "listHistory", "Sandboxes that have ended, newest end first.", access: .key,
      query: ListView.pageFields, answers: [(200, .json(ListView.shape("History", "history", entryShape)))]
    ) { plane, request in
      let (limit, after) = (request.query.limit, try request.query.cursorID())
      let (nowMs, views) = (plane.nowMs, plane.views)
      return .ok(
        try await plane.read { tx in
          ListView.page(
            "history", try tx.history(after: after, limit: limit + 1), limit: limit, cursor: { $0.id.text }
          ) { views.history($0, nowMs: nowMs) }
        })
    },
  ]

  private static let entryShape = Shape(
    "HistoryEntry", "",
    [
      Field("id", .plain), Field("name", .nullable(.plain)), Field("image", .plain), Field("vcpus", .count),
      Field("memMiB", .count), Field("createMs", .count), Field("createdAt", .time), Field("destroyedAt", .time),
      Field("uptimeMs", .count), Field("cpuMs", .count), Field("memPeakBytes", .count),
      Field("reason", .nullable(.plain)),
    ])
}

/// Sums over all sandboxes, a page at a time.
private struct Totals {
  private var active = 0
  private var ended = 0
  private var cpuMs: UInt64 = 0
  private var uptimeMs: UInt64 = 0
  /// GiB times milliseconds.
  private var memory = 0.0

  init(_ tx: StoreTransaction, nowMs: UInt64) throws {
    active = try add(nowMs) { try tx.sandboxes(after: $0, limit: 1_000) }
    ended = try add(nowMs) { try tx.history(after: $0, limit: 1_000) }
  }

  private mutating func add(_ nowMs: UInt64, _ page: (SandboxID?) throws -> [StoredSandbox]) throws -> Int {
    var count = 0
    var last: SandboxID?
    while true {
      let rows = try page(last)
      for row in rows where !row.isListed {
        count += 1
        let uptime = row.uptimeMs(nowMs: nowMs)
        uptimeMs += uptime
        cpuMs += row.usage.cpuMs
        memory += Double(uptime) * Double(row.spec.memMiB) / 1024
      }
      guard rows.count == 1_000 else { return count }
      last = rows.last?.id
    }
  }

  func json(nowMs: UInt64) -> JSONValue {
    [
      "activeSandboxes": .count(active), "historySandboxes": .count(ended), "cpuSeconds": .double(Double(cpuMs) / 1000),
      "memSeconds": .double((memory / 1000).rounded()), "uptimeSeconds": .double(Double(uptimeMs) / 1000),
      "asOf": TimeText.json(ms: nowMs),
    ]
  }
}
