import ArgumentParser

/// A verb for one or more sandboxes. One that fails does not keep the others from being done.
protocol LifecycleCommand: APICommand {
  var ids: [String] { get }
}

extension LifecycleCommand {
  /// - Parameter words: what to print for people, from what the API answered.
  func each(_ method: String, _ verb: String, _ words: (_ id: String, _ answer: JSON) -> String) throws {
    let client = try client()
    var isFine = true
    for id in ids {
      do {
        // Memory has to be written, or read, before the answer comes.
        let answer = try client.call(method, SandboxArgument.path(id) + verb, patienceMs: 600_000)
        show(answer, Terminal.visible(words(id, answer)))
      } catch {
        guard ids.count > 1 else { throw error }
        isFine = false
        if !error.output.isEmpty { Terminal.print(error.output) }
        Terminal.error("\(id): \(error.message)")
      }
    }
    if !isFine { throw CommandFailure("") }
  }

  fileprivate func eachState(_ verb: String) throws {
    try each("POST", "/\(verb)") { id, answer in "\(id) is \(answer.cell("status"))" }
  }
}

struct SandboxPauseCommand: LifecycleCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Stop sandboxes where they are; their memory stays in memory.",
    discussion: """
      Open connections to their ports end.

      Example:
        porthole sandbox pause ID
      """)

  @Argument(help: "The sandboxes' ids.", transform: SandboxArgument.parse) var ids: [String]
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws { try eachState("pause") }
}

struct SandboxResumeCommand: LifecycleCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Let sandboxes go on that sleep, under the same URLs.",
    discussion: """
      Example:
        porthole sandbox resume ID
      """)

  @Argument(help: "The sandboxes' ids.", transform: SandboxArgument.parse) var ids: [String]
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws { try eachState("resume") }
}

struct SandboxHibernateCommand: LifecycleCommand {
  static let configuration = CommandConfiguration(
    commandName: "hibernate", abstract: "Put sandboxes to sleep, their memory on disk.",
    discussion: """
      Example:
        porthole sandbox hibernate ID
      """)

  @Argument(help: "The sandboxes' ids.", transform: SandboxArgument.parse) var ids: [String]
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws { try eachState("hibernate") }
}

struct SandboxDestroyCommand: LifecycleCommand {
  static let configuration = CommandConfiguration(
    commandName: "destroy", abstract: "End sandboxes for good.",
    discussion: """
      Their URLs answer 410 from then on; an id is never used again.

      Example:
        porthole sandbox destroy ID ID2
      """)

  @Argument(help: "The sandboxes' ids.", transform: SandboxArgument.parse) var ids: [String]
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    try each("DELETE", "") { id, answer in
      let uptime = answer.span(milliseconds: "uptimeMs")
      let used = [
        uptime.isEmpty ? "" : "up \(uptime)", answer["cpuMs"] == nil ? "" : "CPU \(answer.span(milliseconds: "cpuMs"))",
        answer["memPeakBytes"] == nil ? "" : "memory at most \(answer.size("memPeakBytes"))",
      ].filter { !$0.isEmpty }
      return "\(id) is \(answer.cell("status"))" + (used.isEmpty ? "" : " (\(used.joined(separator: ", ")))")
    }
  }
}

struct SandboxForkCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "fork", abstract: "Make copies of a running sandbox.",
    discussion: """
      Each copy has an id, a token and URLs of its own; what was exposed is
      exposed on the copies, too.

      Example:
        porthole sandbox fork ID --count 3
      """)

  @OptionGroup var sandbox: SandboxArgument
  @Option(help: "How many.") var count = 1
  @OptionGroup var idempotency: IdempotencyOption
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let answer = try client().call(
      "POST", sandbox.path + "/fork", body: .object([("count", .number(count))]), idempotencyKey: idempotency.key,
      patienceMs: 600_000)
    show(answer, (answer["sandboxes"]?.array ?? []).map(SandboxText.details).joined(separator: "\n\n"))
  }
}
