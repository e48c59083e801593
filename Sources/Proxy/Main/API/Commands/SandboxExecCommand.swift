import ArgumentParser
import Client
import Glibc

struct SandboxExecCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "exec",
    abstract: "Run a command in a sandbox.",
    usage: "porthole sandbox exec [<options>] <id> -- <command> ...",
    discussion: """
      Its output comes as it is written, and its exit status becomes ours.
      Standard input is passed on, if it is UTF-8 text of 1 MiB at most, unless
      it is a terminal. Ctrl-C ends the command.

      One word behind -- is a line for the sandbox's shell; several are a
      program and its arguments, which reach it as they are.

      Exit status: the command's; 124 if it took too long, 125 if it could not
      be run or its end is not known, 128 and the number of the signal that
      ended it; 2 for wrong usage.

      Examples:
        porthole sandbox exec ID -- ls -l /tmp
        porthole sandbox exec ID -- 'cd /src && make | tee log'
        porthole sandbox exec ID --timeout 10m --env TOKEN -- ./deploy
        porthole sandbox exec ID -- python < script.py
      """)

  @OptionGroup var sandbox: SandboxArgument
  @OptionGroup var command: CommandArgument
  @Option(
    help: ArgumentHelp("How long it may take. Default: 30s.", valueName: "duration"), transform: Span.parseSeconds)
  var timeout: Int?
  @Option(help: ArgumentHelp("The folder to run it in. Default: the image's.", valueName: "folder")) var cwd: String?
  @Option(help: ArgumentHelp("The user to run it as. Default: the image's.", valueName: "name")) var user: String?
  @OptionGroup var variables: VariableOptions
  @Flag(name: [.customShort("n"), .customLong("no-stdin")], help: "Pass no standard input.") var noInput = false
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON, when it is over: exitCode, stdout and stderr.") var json = false

  private static let timedOut: Int32 = 124
  private static let ownFailure: Int32 = 125
  /// The API takes it whole, in a body of 1 MiB at most.
  private static let inputBytesMax = 1 << 20

  func run() throws {
    do {
      try CommandFailure.Status(code: execute()).exit()
    } catch var failure as CommandFailure {
      // Anything else could be the command's own.
      failure.status = CommandFailure.Status(code: SandboxExecCommand.ownFailure)
      throw failure
    }
  }

  private func execute() throws -> Int32 {
    let client = try client()
    let body = try body()
    // The server ends it in time; a minute more is for the server itself. Without a limit of ours, its own counts, and
    // whether it is still there shows by the connection.
    let patienceMs = timeout.map { ($0 + 60) * 1000 }
    if json {
      let answer = try client.call("POST", sandbox.path + "/exec", body: body, patienceMs: patienceMs)
      Terminal.print(answer.text())
      return status(answer)
    }
    let response = try client.open(
      "POST", sandbox.path + "/exec", fields: [("Accept", "text/event-stream")], json: body, patienceMs: patienceMs)
    return EventStream.isOne(response) ? try follow(response, client) : try whole(response, client)
  }

  private func body() throws -> JSON {
    var body = Members()
    body.add("command", command.line)
    body.add("timeoutSec", timeout)
    body.add("cwd", cwd)
    body.add("user", user)
    if let variables = try variables.json() { body.add("env", variables) }
    try addInput(&body)
    // Output need not be text, and has to arrive as it was written.
    if !json { body.add("encoding", "base64") }
    return body.json
  }

  private func addInput(_ body: inout Members) throws {
    guard !noInput, isatty(STDIN_FILENO) == 0, fcntl(STDIN_FILENO, F_GETFD) >= 0 else { return }
    let limit = SandboxExecCommand.inputBytesMax
    let input: [UInt8]?
    do { input = try InputFile(InputFile.standard).all(limit: limit) } catch let error as ClientError {
      throw CommandFailure("porthole: \(error)")
    }
    guard let input else {
      throw CommandFailure(
        "porthole: standard input has more than \(Size.text(bytes: limit)); send a file with porthole files put instead"
      )
    }
    if input.isEmpty { return }
    guard let text = String(validating: input, as: UTF8.self) else {
      throw CommandFailure(
        "porthole: standard input is no UTF-8 text; send a file with porthole files put instead")
    }
    body.add("stdin", text)
  }

  private func follow(_ response: ClientResponse, _ client: APIClient) throws -> Int32 {
    var stream = EventStream(response)
    let output = ProcessOutput(isBase64: true)
    while let event = try client.failing({ () throws(ClientError) in try stream.next() }) {
      if output.write(event) { continue }
      let data = JSON(parsing: event.data) ?? .null
      switch event.type {
      case "exit": return status(data)
      case "error":
        throw CommandFailure(
          "porthole: \(Terminal.visible(data["detail"]?.string ?? data["message"]?.string ?? event.data))")
      default: break
      }
    }
    throw CommandFailure("porthole: the connection ended before the command did; how it went on is not known")
  }

  /// A server that does not stream.
  private func whole(_ response: ClientResponse, _ client: APIClient) throws -> Int32 {
    let bytes = try client.failing { () throws(ClientError) in try response.readAll(limit: 64 << 20) }
    guard let answer = JSON(parsing: bytes), answer["exitCode"] != nil else {
      throw CommandFailure("porthole: what \(client.http.server) answered says no exit status")
    }
    let output = ProcessOutput(isBase64: true)
    for name in ["stdout", "stderr"] { _ = output.write(stream: name, answer.cell(name)) }
    return status(answer)
  }

  private func status(_ answer: JSON) -> Int32 {
    if answer["truncated"]?.bool == true { Terminal.error("porthole: the output was too long, and is cut") }
    if answer["timedOut"]?.bool == true {
      Terminal.error("porthole: the command was ended because it took too long; --timeout gives it more time")
      return SandboxExecCommand.timedOut
    }
    guard let code = answer["exitCode"]?.int else { return SandboxExecCommand.ownFailure }
    // As the shell has it: a process ends with eight bits.
    return Int32(truncatingIfNeeded: code & 0xFF)
  }
}
