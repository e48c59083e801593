import ArgumentParser
import Client

struct SandboxCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sandbox",
    abstract: "Make sandboxes, run commands in them, end them.",
    discussion: """
      Examples:
        porthole sandbox create --image python:3.12-slim --timeout 1h
        porthole sandbox exec ID -- python -m http.server 8000
        porthole sandbox pause ID
      """,
    subcommands: [
      SandboxCreateCommand.self, SandboxListCommand.self, SandboxInfoCommand.self, SandboxExecCommand.self,
      SandboxPauseCommand.self, SandboxResumeCommand.self, SandboxHibernateCommand.self, SandboxSnapshotCommand.self,
      SandboxRestoreCommand.self, SandboxForkCommand.self, SandboxDestroyCommand.self, SandboxTimeoutCommand.self,
      SandboxTokenCommand.self, SandboxURLCommand.self,
    ])
}

/// The object that most calls answer with.
enum SandboxText {
  static func details(_ sandbox: JSON) -> String {
    var details = Details()
    details.add("id", sandbox.cell("id"))
    details.add("name", sandbox.cell("name"))
    details.add("status", status(sandbox))
    details.add("image", sandbox.cell("image"))
    details.add("size", size(sandbox))
    details.add("network", sandbox.cell("networkProfile"))
    details.add("ingress", ingress(sandbox["ingress"] ?? .null))
    details.add("timeout", timeout(sandbox))
    details.add("variables", sandbox.cell("envNames"))
    details.add("created", sandbox.time("createdAt"))
    details.add("ended", sandbox.time("endedAt"))
    details.add("ports", sandbox.cell("exposedPorts"))
    details.add("URL of a port", sandbox.cell("urlTemplate"))
    details.add("its own API", sandbox.cell("runtimeUrl"))
    details.add("runner", sandbox.cell("runner"))
    if let token = sandbox["token"]?.string { details.add("token", "\(token)   (shown only now)") }
    return details.text
  }

  private static func status(_ sandbox: JSON) -> String {
    let reason = sandbox.cell("reason")
    return sandbox.cell("status") + (reason.isEmpty ? "" : ": \(reason)")
  }

  private static func size(_ sandbox: JSON) -> String {
    var parts: [String] = []
    if let count = sandbox["vcpus"]?.int { parts.append(count == 1 ? "1 CPU" : "\(count) CPUs") }
    for (name, what) in [("memMiB", "memory"), ("diskMiB", "disk")] {
      if let amount = sandbox[name]?.int, amount > 0, amount < 1 << 40 {
        parts.append("\(Size.text(bytes: amount << 20)) \(what)")
      }
    }
    return parts.joined(separator: ", ")
  }

  private static func ingress(_ ingress: JSON) -> String {
    let ports = ingress.cell("allowPorts")
    return ingress.cell("mode") + (ports.isEmpty ? "" : ", only ports \(ports)")
      + (ingress["wake"]?.bool == true ? ", requests wake it" : "")
  }

  private static func timeout(_ sandbox: JSON) -> String? {
    guard let seconds = sandbox["timeoutSec"]?.int, seconds > 0 else { return nil }
    return "\(sandbox.span(seconds: "timeoutSec")) without activity, then \(sandbox.cell("onTimeout"))"
  }
}

struct SandboxListCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the sandboxes.",
    discussion: """
      Examples:
        porthole sandbox list
        porthole sandbox list --json | jq -r '.sandboxes[].id'
      """)

  @OptionGroup var limit: LimitOption
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let list = try client().list("/v1/sandboxes", "sandboxes", limit: limit.limit)
    var table = Table("ID", "STATUS", "IMAGE", "PORTS", "CREATED", "NAME")
    for item in list.items {
      table.add(
        item.cell("id"), item.cell("status"), item.cell("image"), item.cell("exposedPorts"), item.time("createdAt"),
        item.cell("name"))
    }
    show(list.document, table.text)
  }
}

struct SandboxInfoCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "info", abstract: "Say what is known about a sandbox.",
    discussion: """
      Example:
        porthole sandbox info ID
      """)

  @OptionGroup var sandbox: SandboxArgument
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let answer = try client().call("GET", sandbox.path)
    show(answer, SandboxText.details(answer))
  }
}

struct SandboxTimeoutCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "timeout", abstract: "Say how long a sandbox may idle.",
    discussion: """
      The clock starts again. Requests to its ports are activity, too.

      Examples:
        porthole sandbox timeout ID 2h
        porthole sandbox timeout ID none
      """)

  @OptionGroup var sandbox: SandboxArgument
  @Argument(
    help: ArgumentHelp("Such as 15m or 2h; none for no limit.", valueName: "duration"),
    transform: Span.parseSecondsOrNone)
  var seconds: Int
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let answer = try client().call("POST", sandbox.path + "/timeout", body: .object([("seconds", .number(seconds))]))
    show(answer, SandboxText.details(answer))
  }
}

struct SandboxTokenCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Make a new token for a sandbox.",
    discussion: """
      A token is shown once, when it is made; nobody can show it again. A new
      one ends the old one at once, and everything that was opened with it:
      cookies, browser URLs and open connections.

      Example:
        porthole sandbox token ID --rotate
      """)

  @OptionGroup var sandbox: SandboxArgument
  @Flag(help: "Yes, end the old one.") var rotate = false
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    if !rotate {
      throw ValidationError(
        "A token is shown only when it is made. --rotate makes a new one and ends the old one, with all that was opened with it"
      )
    }
  }

  func run() throws {
    let answer = try client().call("POST", sandbox.path + "/token/rotate")
    show(answer, Terminal.visible(answer.cell("token")))
  }
}

struct SandboxURLCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "url", abstract: "Print the URL of a sandbox, or of one of its ports.",
    discussion: """
      Without a port, of the sandbox's own API. Whether the port is exposed is
      not looked at, except for --browser: that asks for a URL that logs a
      browser in, so whoever has it gets in.

      Examples:
        porthole sandbox url ID 3000
        porthole sandbox url ID 3000 --browser
      """)

  @OptionGroup var sandbox: SandboxArgument
  @Argument(help: "The port inside the sandbox.", transform: PortArgument.parse) var port: Int?
  @Flag(help: "One that logs a browser in on a protected port; it ends after an hour.") var browser = false
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    if browser, port == nil { throw ValidationError("--browser is for a port: name one") }
  }

  func run() throws {
    let url = try find(client())
    show(.object([("url", .string(url))]), Terminal.visible(url))
  }

  private func find(_ client: APIClient) throws -> String {
    if browser, let port {
      let exposure = try client.call("GET", sandbox.path + "/ports/\(port)")
      if let url = exposure["browserUrl"]?.string ?? exposure["url"]?.string { return url }
    } else {
      let answer = try client.call("GET", sandbox.path)
      if let port, let template = answer["urlTemplate"]?.string {
        return template.replacing("{port}", with: "\(port)")
      }
      if port == nil, let url = answer["runtimeUrl"]?.string { return url }
    }
    throw CommandFailure("porthole: \(client.http.server) says no URL for it")
  }
}
