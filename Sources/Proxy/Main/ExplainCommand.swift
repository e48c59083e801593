import ArgumentParser
import Client
import Configuration

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Say why a URL works or fails, stage by stage.",
    discussion: """
      Asks a Porthole that runs, if there is one at --api and an API key for
      it: that knows what was exposed, closed and paused since the start.
      Otherwise reads the configuration, and nothing else. Either way no
      connection is made to a sandbox, and none is woken. --live and --config
      insist on the one or the other.

      Exit status: 0 it works, 1 Porthole would refuse it, 2 wrong usage.

      Examples:
        porthole explain https://3000-demo.preview.localhost:8443/
        porthole explain --config porthole.yaml 3000-demo.preview.localhost
      """)

  @Argument(help: "The URL; without a scheme it is https.") var url: String

  @Flag(help: "Ask the Porthole that runs, and fail where none does.") var live = false

  @OptionGroup var options: ConfigurationOptions
  @OptionGroup var api: APIOptions

  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    if live, options.path != nil { throw ValidationError("--live and --config do not go together") }
  }

  func run() throws {
    let report: ExplanationReport
    if live {
      report = try ask(api.client(json: json))
    } else if options.path == nil, let answer = try askIfThere() {
      report = answer
    } else {
      report = ExplanationReport(Explanation(url: url, configuration: try options.loadOrFail().configuration))
    }
    Terminal.print(json ? report.json.text() : report.text)
    if report.error != nil { throw CommandFailure("") }
  }

  private func ask(_ client: APIClient) throws(CommandFailure) -> ExplanationReport {
    ExplanationReport(
      try client.call("GET", "/v1/explain", query: [("url", url)]), source: client.http.server.description)
  }

  /// Nil where there is no key or nobody listens: then the configuration is what there is to go by. A Porthole that is
  /// there and does not answer is told of, since what the configuration says may be outdated.
  private func askIfThere() throws(CommandFailure) -> ExplanationReport? {
    guard let key = try api.key() else { return nil }
    let client = try api.client(key: key, json: false)
    let response: ClientResponse
    do {
      response = try client.send(
        "GET", "/v1/explain", query: [("url", url)], fields: [("Accept", "application/json")], patienceMs: 10_000)
    } catch {
      if case .refused = error { return nil }
      return try fallBack(APIClient.failure(error))
    }
    guard response.status == 200, let bytes = try? response.readAll(limit: 1 << 20),
      let document = JSON(parsing: bytes), document["steps"] != nil
    else { return try fallBack(client.refusal(response)) }
    return ExplanationReport(document, source: client.http.server.description)
  }

  private func fallBack(_ failure: CommandFailure) throws(CommandFailure) -> ExplanationReport? {
    Terminal.error(failure.message)
    Terminal.error("porthole: note: so this is what the configuration says")
    return nil
  }
}

/// An explanation in words and as JSON, wherever it comes from.
private struct ExplanationReport {
  let json: JSON
  /// The word of `Porthole-Error`; nil where the URL works.
  var error: String? { json["error"]?.string }
  /// The Porthole that said it; nil for the configuration.
  private let source: String?

  init(_ document: JSON, source: String) {
    json = document
    self.source = source
  }

  init(_ explanation: Explanation) {
    source = nil
    json = .object([
      ("url", .string(explanation.url)),
      ("forwarded", .bool(explanation.isForwarded)),
      ("status", explanation.answer?.status.map { .number($0) } ?? .null),
      ("error", .optional(explanation.answer?.error)),
      (
        "steps",
        .array(
          explanation.steps.map { step in
            .object([
              ("name", .string(step.name)), ("outcome", .string(step.outcome.rawValue)),
              ("detail", .string(step.detail)),
            ])
          })
      ),
    ])
  }

  var text: String {
    var lines = [Terminal.visible(json.cell("url")) + (source.map { "   (says \($0))" } ?? "")]
    let steps = json["steps"]?.array ?? []
    let column = max(10, (steps.map { $0.cell("name").count }.max() ?? 0) + 1)
    for step in steps {
      let mark =
        switch step.cell("outcome") {
        case "passed": "ok    "
        case "refused": "stop  "
        default: "note  "
        }
      let name = Terminal.visible(step.cell("name"))
      let gap = String(repeating: " ", count: max(1, column - name.count))
      lines.append("  \(mark)\(name)\(gap)\(Terminal.visible(step.cell("detail")))")
    }
    return (lines + [verdict]).joined(separator: "\n")
  }

  private var verdict: String {
    if json["forwarded"]?.bool == true {
      return "It is forwarded. Where nothing listens there, the answer is 502 with Porthole-Error: dial/port-closed."
    }
    guard let status = json["status"]?.int else { return "Porthole answers it itself." }
    return "Porthole answers it itself: \(status)"
      + (error.map { " with Porthole-Error: \(Terminal.visible($0))." } ?? ".")
  }
}
