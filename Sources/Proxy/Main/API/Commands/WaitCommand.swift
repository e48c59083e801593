import ArgumentParser

struct WaitCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "wait",
    abstract: "Wait until something answers on a port.",
    discussion: """
      Asked from inside, so the port need not be exposed. Without --http a
      connection is enough.

      Exit status: 0 it answers, 1 it did not in time.

      Examples:
        porthole wait ID 3000
        porthole wait ID 3000 --http --path /healthz --status 200 --timeout 2m
      """)

  @OptionGroup var sandbox: SandboxArgument
  @OptionGroup var port: PortArgument
  @Flag(help: "Ask for a page, and look at the status.") var http = false
  @Option(help: ArgumentHelp("The page, for --http. Default: /.", valueName: "path")) var path: String?
  @Option(
    help: ArgumentHelp("What counts, for --http: 200, or 200-299. Default: 200-399.", valueName: "status"),
    transform: WaitCommand.statuses)
  var status: JSON?
  @Option(
    help: ArgumentHelp("For how long. Default: 30s.", valueName: "duration"), transform: Span.parse)
  var timeout: Span?
  @Option(
    help: ArgumentHelp("How often to ask. Default: 250ms.", valueName: "duration"), transform: Span.parse)
  var interval: Span?
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    var wait = PortWait()
    wait.isHTTP = http || path != nil || status != nil
    wait.path = path
    wait.status = status
    wait.timeout = timeout
    wait.interval = interval
    let answer = try wait.run(client(), sandbox: sandbox, port: port.port)
    let code = answer.cell("status")
    show(
      answer,
      "port \(port.port) of \(sandbox.id) answers"
        + (code.isEmpty ? "" : " with \(Terminal.visible(code))") + " (\(answer.span(milliseconds: "elapsedMs")))")
  }

  static func statuses(_ text: String) throws -> JSON {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { part in
      part.count == 3 && part.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(part) : nil
    }
    guard numbers.count == parts.count, numbers.allSatisfy({ (100...599).contains($0) }) else {
      throw Span.Invalid(description: "not a status such as 200, or a range such as 200-299")
    }
    switch numbers.count {
    case 1: return .number(numbers[0])
    case 2 where numbers[0] <= numbers[1]: return .string(text)
    default: throw Span.Invalid(description: "not a status such as 200, or a range such as 200-299")
    }
  }
}

/// The call behind `wait` and `expose --wait`.
struct PortWait {
  var isHTTP = false
  var path: String?
  var status: JSON?
  var timeout: Span?
  var interval: Span?

  func run(_ client: APIClient, sandbox: SandboxArgument, port: Int) throws(CommandFailure) -> JSON {
    var body = Members()
    if isHTTP { body.add("mode", "http") }
    body.add("path", path)
    if let status { body.add("status", status) }
    body.add("timeoutMs", timeout?.milliseconds)
    body.add("intervalMs", interval?.milliseconds)
    // The answer comes when the wait is over, and a little later.
    let patienceMs = (timeout?.milliseconds ?? 30_000) + 30_000
    do {
      return try client.call("POST", sandbox.path + "/ports/\(port)/wait", body: body.json, patienceMs: patienceMs)
    }
  }
}
