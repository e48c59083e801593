import ArgumentParser
import Client

struct SandboxSnapshotCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshot", abstract: "Keep the present state of a sandbox, to restore it later.",
    discussion: """
      Example:
        porthole sandbox snapshot ID
      """)

  @OptionGroup var sandbox: SandboxArgument
  @OptionGroup var idempotency: IdempotencyOption
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let answer = try client().call(
      "POST", sandbox.path + "/snapshots", idempotencyKey: idempotency.key, patienceMs: 600_000)
    var details = Details()
    details.add("snapshot", answer.cell("id"))
    details.add("sandbox", answer.cell("sandboxId"))
    details.add("size", answer.size("sizeBytes"))
    details.add("created", answer.time("createdAt"))
    show(answer, details.text)
  }
}

struct SandboxRestoreCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Make a sandbox from a snapshot.",
    discussion: """
      It has an id and a token of its own.

      Example:
        porthole sandbox restore SNAPSHOT --name second
      """)

  @Argument(help: "The snapshot's id.") var snapshot: String
  @Option(help: ArgumentHelp("A name for people.", valueName: "text")) var name: String?
  @Option(
    help: ArgumentHelp("How long it may idle. Default: as before.", valueName: "duration"),
    transform: Span.parseSecondsOrNone)
  var timeout: Int?
  @Option(help: ArgumentHelp("What happens to it then. Default: as before.", valueName: "what"))
  var onTimeout: SandboxCreateCommand.OnTimeout?
  @OptionGroup var ingress: IngressOptions
  @OptionGroup var idempotency: IdempotencyOption
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    var body = Members()
    body.add("name", name)
    body.add("timeoutSec", timeout)
    body.add("onTimeout", onTimeout?.rawValue)
    body.add("ingress", ingress.members)
    let answer = try client().call(
      "POST", "/v1/snapshots/\(PercentEncoding.component(snapshot))/restore", body: body.json,
      idempotencyKey: idempotency.key, patienceMs: 600_000)
    show(answer, SandboxText.details(answer))
  }
}

struct SnapshotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshot", abstract: "List and delete snapshots of sandboxes.",
    discussion: """
      porthole sandbox snapshot makes one, porthole sandbox restore uses it.
      """, subcommands: [SnapshotListCommand.self, SnapshotDeleteCommand.self])
}

struct SnapshotListCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the snapshots.",
    discussion: """
      Example:
        porthole snapshot list
      """)

  @OptionGroup var limit: LimitOption
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let list = try client().list("/v1/snapshots", "snapshots", limit: limit.limit)
    var table = Table("ID", "SANDBOX", "SIZE", "CREATED")
    for item in list.items {
      table.add(item.cell("id"), item.cell("sandboxId"), item.size("sizeBytes"), item.time("createdAt"))
    }
    show(list.document, table.text)
  }
}

struct SnapshotDeleteCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Delete a snapshot.",
    discussion: """
      Example:
        porthole snapshot delete SNAPSHOT
      """)

  @Argument(help: "The snapshot's id.") var snapshot: String
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let answer = try client().call("DELETE", "/v1/snapshots/\(PercentEncoding.component(snapshot))")
    show(answer, "\(Terminal.visible(snapshot)) is deleted")
  }
}
