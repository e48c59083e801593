import ArgumentParser
import Client

struct LinksCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "links", abstract: "Share protected ports by links.",
    discussion: """
      Whoever opens a link gets in, as far as it goes. It is shown once, when
      it is made, and can be taken back at any time.

      Examples:
        porthole links create ID 3000 --ttl 1d --path-prefix /docs
        porthole links revoke ID 3000 LINK
      """,
    subcommands: [LinksCreateCommand.self, LinksListCommand.self, LinksRevokeCommand.self])
}

struct LinksCreateCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make a link to a port that was exposed with --auth token.",
    discussion: """
      With --once it lets in the first who opens it and confirms; programs that
      only look at links, as mail and chat do, don't use it up.

      Examples:
        porthole links create ID 3000
        porthole links create ID 3000 --once --ttl 1h --next /report.html
        porthole links create ID 3000 --method GET --allow-ip 192.0.2.0/24
      """)

  @OptionGroup var sandbox: SandboxArgument
  @OptionGroup var port: PortArgument
  @Option(
    help: ArgumentHelp("How long it works. Default: 1d.", valueName: "duration"), transform: Span.parseSeconds)
  var ttl: Int?
  @Flag(help: "For one person only.") var once = false
  @Option(help: ArgumentHelp("No path but those below.", valueName: "path")) var pathPrefix: String?
  @Option(name: .customLong("method"), help: ArgumentHelp("No method but these; may be repeated.", valueName: "method"))
  var methods: [String] = []
  @Option(
    name: .customLong("allow-ip"),
    help: ArgumentHelp("No client but from there; may be repeated.", valueName: "network"))
  var allowIPs: [String] = []
  @Option(help: ArgumentHelp("A name for people.", valueName: "text")) var name: String?
  @Option(help: ArgumentHelp("The page that it leads to.", valueName: "path")) var next: String?
  @OptionGroup var idempotency: IdempotencyOption
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    var body = Members()
    body.add("ttl", ttl)
    body.add("once", flag: once)
    body.add("pathPrefix", pathPrefix)
    body.add("methods", methods.map { $0.uppercased() })
    body.add("allowIPs", allowIPs)
    body.add("name", name)
    body.add("next", next)
    let answer = try client().call(
      "POST", LinksCommand.path(sandbox, port), body: body.json, idempotencyKey: idempotency.key)
    var details = Details()
    details.add("link", answer["url"]?.string.map { "\($0)   (shown only now)" })
    details.add("id", answer.cell("id"))
    details.add("works until", answer.time("expiresAt"))
    show(answer, details.text)
  }
}

struct LinksListCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the links to a port.",
    discussion: """
      The links themselves are not shown again.

      Example:
        porthole links list ID 3000
      """)

  @OptionGroup var sandbox: SandboxArgument
  @OptionGroup var port: PortArgument
  @OptionGroup var limit: LimitOption
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let list = try client().list(LinksCommand.path(sandbox, port), "links", limit: limit.limit)
    var table = Table("ID", "ONCE", "PATHS", "EXPIRES", "LAST USED", "NAME")
    for item in list.items {
      let used = item.time("redeemedAt")
      table.add(
        item.cell("id"), item.yesNo("once"), item.cell("pathPrefix"), item.time("expiresAt"),
        used.isEmpty ? item.time("lastUsedAt") : used, item.cell("name"))
    }
    show(list.document, table.text)
  }
}

struct LinksRevokeCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "Take a link back.",
    discussion: """
      Whoever came in by it is out at once, open connections included.

      Example:
        porthole links revoke ID 3000 LINK
      """)

  @OptionGroup var sandbox: SandboxArgument
  @OptionGroup var port: PortArgument
  @Argument(help: "The link's id.") var link: String
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let answer = try client().call(
      "DELETE", "\(LinksCommand.path(sandbox, port))/\(PercentEncoding.component(link))")
    show(answer, "\(Terminal.visible(link)) is revoked")
  }
}

extension LinksCommand {
  fileprivate static func path(_ sandbox: SandboxArgument, _ port: PortArgument) -> String {
    "\(sandbox.path)/ports/\(port.port)/links"
  }
}
