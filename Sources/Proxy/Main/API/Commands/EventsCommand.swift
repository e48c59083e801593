import ArgumentParser
import Client
import Glibc

struct EventsCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "events",
    abstract: "Say what happened, or happens.",
    discussion: """
      Without --follow, what is kept of the past; with it, what comes from now
      on, or after an event that you name, until Ctrl-C. A connection that ends
      is made again, and nothing is missed meanwhile.

      With --json, one event per line.

      Examples:
        porthole events --sandbox ID
        porthole events --follow --type exposed --type closed
        porthole events --follow --type firstRequest --limit 1
        porthole events --after 1200 --json | jq .type
      """)

  @Flag(name: .shortAndLong, help: "Go on with what happens from now on.") var follow = false
  @Option(help: ArgumentHelp("Of one sandbox only.", valueName: "id"), transform: SandboxArgument.parse)
  var sandbox: String?
  @Option(name: .customLong("type"), help: ArgumentHelp("Of that type only; may be repeated.", valueName: "type"))
  var types: [String] = []
  @Option(help: ArgumentHelp("Only what came after that one.", valueName: "event")) var after: Int?
  @OptionGroup var limit: LimitOption
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON, one event per line.") var json = false

  func run() throws {
    // A refusal is one document, not one per line, but JSON all the same.
    let client = try client()
    if follow {
      try EventFollower(client: client, filter: filter, after: after, limit: limit.limit, print: print).run()
    } else {
      try past(client)
    }
  }

  private var filter: EventFilter { EventFilter(sandbox: sandbox, types: Set(types)) }

  private func past(_ client: APIClient) throws {
    let filter = filter
    var after = after ?? 0
    var left = limit.limit ?? .max
    while left > 0 {
      // Those that are filtered here are not counted there.
      let count = filter.isTheServers ? min(left, 1000) : 1000
      let page = try client.call(
        "GET", "/v1/events",
        query: [("format", "json"), ("after", "\(after)"), ("limit", "\(count)")] + filter.query)
      let events = (page["events"]?.array ?? []).filter(filter.passes).prefix(left)
      for event in events { print(event) }
      left -= events.count
      // A server that does not get on would have us ask for ever.
      guard let next = page["next"]?.int, next > after else { return }
      after = next
    }
  }

  private func print(_ event: JSON) { Terminal.print(json ? event.compact : EventsCommand.line(event)) }

  private static let ownColumns: Set<String> = ["id", "type", "at", "sandboxId", "port"]

  /// When, what, where, and whatever else there is to it; types are as long as `linkRevoked` and `firstRequest`.
  static func line(_ event: JSON) -> String {
    var place = event.cell("sandboxId")
    if let port = event["port"]?.int { place += ":\(port)" }
    let type = event.cell("type")
    var parts = [event.time("at"), type + String(repeating: " ", count: max(0, 12 - type.count)), place]
    if case .object(let members) = event {
      for (name, value) in members where !ownColumns.contains(name) && value != .null {
        parts.append("\(name)=\(value.string ?? value.compact)")
      }
    }
    return parts.filter { !$0.isEmpty }.map(Terminal.visible).joined(separator: "  ")
  }
}

/// Which events are wanted. The API knows one sandbox and one type; the rest is done here.
private struct EventFilter {
  let sandbox: String?
  let types: Set<String>

  var isTheServers: Bool { types.count < 2 }

  var query: APIClient.Query {
    (sandbox.map { [("sandbox", $0)] } ?? []) + (isTheServers ? types.map { ("type", $0) } : [])
  }

  func passes(_ event: JSON) -> Bool { types.isEmpty || types.contains(event.cell("type")) }
}

/// Follows the stream of events, over connections that end.
private struct EventFollower {
  let client: APIClient
  let filter: EventFilter
  var after: Int?
  var limit: Int?
  let print: (JSON) -> Void

  /// The server sends a sign of life every 15 s.
  private static let silenceMs = 60_000
  private static let pauseMsMax = 30_000

  func run() throws {
    var seen = 0
    var lastID = after.map { "\($0)" } ?? ""
    var stream = try open(lastID)
    var pauseMs = 1000
    while true {
      let event: StreamEvent?
      do {
        event = try stream.next()
      } catch {
        // What cannot be read now cannot be read later.
        if case .malformed = error { throw APIClient.failure(error) }
        event = nil
      }
      if let event {
        pauseMs = 1000
        if !event.id.isEmpty { lastID = event.id }
        seen += show(event)
        if seen >= limit ?? .max { return }
      } else {
        Terminal.error("porthole: note: the connection ended; trying again")
        stream = try reopen(lastID, pauseMs: &pauseMs, stream.retryMs)
      }
    }
  }

  private func open(_ lastID: String) throws(CommandFailure) -> EventStream {
    var fields = [(name: "Accept", value: "text/event-stream")]
    if !lastID.isEmpty { fields.append(("Last-Event-ID", lastID)) }
    let response = try client.open(
      "GET", "/v1/events", query: filter.query, fields: fields, patienceMs: EventFollower.silenceMs)
    guard EventStream.isOne(response) else {
      throw CommandFailure("porthole: what \(client.http.server) answered is no stream of events")
    }
    return EventStream(response)
  }

  /// Tries until it works, or is refused for a reason that stays.
  private func reopen(_ lastID: String, pauseMs: inout Int, _ wishedMs: Int?) throws(CommandFailure) -> EventStream {
    while true {
      usleep(UInt32(clamping: min(max(pauseMs, wishedMs ?? 0), EventFollower.pauseMsMax) * 1000))
      pauseMs = min(pauseMs * 2, EventFollower.pauseMsMax)
      var fields = [(name: "Accept", value: "text/event-stream")]
      if !lastID.isEmpty { fields.append(("Last-Event-ID", lastID)) }
      let response: ClientResponse
      do {
        response = try client.send(
          "GET", "/v1/events", query: filter.query, fields: fields, patienceMs: EventFollower.silenceMs)
      } catch {
        switch error {
        case .refused, .unreachable, .cut, .timedOut, .unknownHost: continue
        default: throw APIClient.failure(error)
        }
      }
      if response.status == 200, EventStream.isOne(response) { return EventStream(response) }
      if response.status < 500, response.status != 429 { throw client.refusal(response) }
    }
  }

  /// How many events that was.
  private func show(_ event: StreamEvent) -> Int {
    guard event.type != "gap" else {
      Terminal.error("porthole: note: older events are not kept any more; some are missing here")
      return 0
    }
    guard let data = JSON(parsing: event.data), filter.passes(data) else { return 0 }
    print(data)
    return 1
  }
}
