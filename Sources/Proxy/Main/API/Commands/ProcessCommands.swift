import ArgumentParser
import Client

struct ProcessCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ps", abstract: "Run processes in a sandbox in the background.",
    discussion: """
      Examples:
        porthole ps start ID -- python -m http.server 8000
        porthole ps logs ID PID --follow
        porthole ps stop ID PID
      """,
    subcommands: [
      ProcessStartCommand.self, ProcessListCommand.self, ProcessLogsCommand.self, ProcessStopCommand.self,
    ])
}

struct ProcessStartCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "start", abstract: "Start a process and return.",
    usage: "porthole ps start [<options>] <id> -- <command> ...",
    discussion: """
      One word behind -- is a line for the sandbox's shell; several are a
      program and its arguments.

      Example:
        porthole ps start ID --cwd /srv -- python -m http.server 8000
      """)

  @OptionGroup var sandbox: SandboxArgument
  @OptionGroup var command: CommandArgument
  @Option(help: ArgumentHelp("A name for people.", valueName: "text")) var name: String?
  @Option(help: ArgumentHelp("The folder to run it in.", valueName: "folder")) var cwd: String?
  @Option(help: ArgumentHelp("The user to run it as.", valueName: "name")) var user: String?
  @OptionGroup var variables: VariableOptions
  @OptionGroup var idempotency: IdempotencyOption
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    var body = Members()
    body.add("command", command.line)
    body.add("cwd", cwd)
    body.add("user", user)
    body.add("name", name)
    if let variables = try variables.json() { body.add("env", variables) }
    let answer = try client().call(
      "POST", sandbox.path + "/processes", body: body.json, idempotencyKey: idempotency.key)
    show(answer, Terminal.visible("process \(answer.cell("pid")) is \(answer.cell("status"))"))
  }
}

struct ProcessListCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the processes that were started so.",
    discussion: """
      Example:
        porthole ps list ID
      """)

  @OptionGroup var sandbox: SandboxArgument
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let answer = try client().call("GET", sandbox.path + "/processes")
    var table = Table("PID", "STATUS", "EXIT", "STARTED", "COMMAND")
    for item in answer["processes"]?.array ?? [] {
      table.add(
        item.cell("pid"), item.cell("status"), item.cell("exitCode"), item.time("startedAt"), item.cell("command"))
    }
    show(answer, table.text)
  }
}

/// A process of that sandbox.
struct ProcessArgument: ParsableArguments {
  @Argument(help: ArgumentHelp("The process's number.", valueName: "pid")) var pid: Int

  var path: String { "/processes/\(pid)" }
}

struct ProcessLogsCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "Print what a process wrote.",
    discussion: """
      Example:
        porthole ps logs ID PID --follow
      """)

  @OptionGroup var sandbox: SandboxArgument
  @OptionGroup var process: ProcessArgument
  @Flag(name: .shortAndLong, help: "Go on with what it writes, until it ends.") var follow = false
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    if follow, json { throw ValidationError("--follow and --json do not go together") }
  }

  func run() throws {
    let client = try client()
    let path = sandbox.path + process.path + "/logs"
    if follow { return try follow(client, path) }
    let answer = try client.call("GET", path, query: json ? [] : [("encoding", "base64")])
    if json { return Terminal.print(answer.text()) }
    let output = ProcessOutput(isBase64: true)
    for piece in answer["logs"]?.array ?? [] { _ = output.write(stream: piece.cell("stream"), piece.cell("data")) }
    if answer["truncated"]?.bool == true { Terminal.error("porthole: there was more, which is not kept") }
  }

  private func follow(_ client: APIClient, _ path: String) throws {
    let response = try client.open(
      "GET", path, query: [("follow", "true")], fields: [("Accept", "text/event-stream")], patienceMs: nil)
    var stream = EventStream(response)
    let output = ProcessOutput(isBase64: false)
    while let event = try client.failing({ () throws(ClientError) in try stream.next() }) {
      if output.write(event) { continue }
      switch event.type {
      case "exit": return
      case "error":
        let data = JSON(parsing: event.data) ?? .null
        throw CommandFailure("porthole: \(Terminal.visible(data["detail"]?.string ?? event.data))")
      default: break
      }
    }
    throw CommandFailure("porthole: the connection ended before the process did")
  }
}

struct ProcessStopCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "End a process.",
    discussion: """
      Example:
        porthole ps stop ID PID
      """)

  @OptionGroup var sandbox: SandboxArgument
  @OptionGroup var process: ProcessArgument
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let answer = try client().call("DELETE", sandbox.path + process.path)
    show(answer, "process \(process.pid) is stopped")
  }
}
