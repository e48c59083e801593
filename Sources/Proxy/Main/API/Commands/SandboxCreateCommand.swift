import ArgumentParser

struct SandboxCreateCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "create",
    abstract: "Make a sandbox.",
    discussion: """
      Its token is shown once, here: it opens the sandbox's own API and its
      protected ports.

      Examples:
        porthole sandbox create --image python:3.12-slim
        porthole sandbox create --vcpus 2 --memory 4GiB --timeout 30m
        ID=$(porthole sandbox create --quiet --env API_TOKEN)
      """)

  enum OnTimeout: String, ExpressibleByArgument, CaseIterable { case destroy, pause, hibernate }

  @Option(help: "What it is made from. Default: the configuration's.") var image: String?
  @Option(help: ArgumentHelp("A name for people.", valueName: "text")) var name: String?
  @Option(help: "Virtual CPUs. Default: 1.") var vcpus: Int?
  @Option(
    help: ArgumentHelp("Such as 512MiB or 2GiB. Default: 1GiB.", valueName: "amount"), transform: Size.parseMiB)
  var memory: Int?
  @Option(help: ArgumentHelp("Scratch disk. Default: 4GiB.", valueName: "amount"), transform: Size.parseMiB)
  var disk: Int?
  @Option(
    help: ArgumentHelp("How long it may idle. Default: for ever.", valueName: "duration"),
    transform: Span.parseSecondsOrNone)
  var timeout: Int?
  @Option(help: ArgumentHelp("What happens to it then. Default: destroy.", valueName: "what")) var onTimeout: OnTimeout?
  @Option(help: ArgumentHelp("What it may reach.", valueName: "name")) var networkProfile: String?
  @OptionGroup var variables: VariableOptions
  @OptionGroup var ingress: IngressOptions
  @OptionGroup var idempotency: IdempotencyOption
  @OptionGroup var api: APIOptions
  @Flag(name: .customLong("no-wait"), help: "Return while it is being made.") var noWait = false
  @Flag(name: .shortAndLong, help: "Print the id and nothing else.") var quiet = false
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    var body = Members()
    body.add("image", image)
    body.add("name", name)
    body.add("vcpus", vcpus)
    body.add("memMiB", memory)
    body.add("diskMiB", disk)
    body.add("timeoutSec", timeout)
    body.add("onTimeout", onTimeout?.rawValue)
    body.add("networkProfile", networkProfile)
    if let variables = try variables.json() { body.add("env", variables) }
    body.add("ingress", ingress.members)
    if noWait { body.add("wait", .bool(false)) }
    // Making one may mean fetching an image first.
    let answer = try client().call(
      "POST", "/v1/sandboxes", body: body.json, idempotencyKey: idempotency.key, patienceMs: 600_000)
    show(answer, quiet ? Terminal.visible(answer.cell("id")) : SandboxText.details(answer))
  }
}

/// What reaches the sandbox's ports.
struct IngressOptions: ParsableArguments {
  enum Mode: String, ExpressibleByArgument, CaseIterable { case published, open }

  @Option(
    help: ArgumentHelp(
      "published: only ports that were exposed answer; open: any port does, for whoever knows the id. Default: published.",
      valueName: "mode"))
  var ingress: Mode?

  @Option(
    name: .customLong("allow-port"),
    help: ArgumentHelp("No port but these; may be repeated.", valueName: "port"), transform: PortArgument.parse)
  var allowPorts: [Int] = []

  @Flag(name: .customLong("wake"), help: "With open: a request wakes it when it sleeps.") var wake = false

  var members: Members {
    var members = Members()
    members.add("mode", ingress?.rawValue)
    if !allowPorts.isEmpty { members.add("allowPorts", .array(allowPorts.map { .number($0) })) }
    members.add("wake", flag: wake)
    return members
  }
}
