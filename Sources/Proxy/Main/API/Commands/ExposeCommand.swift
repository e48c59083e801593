import ArgumentParser

struct ExposeCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "expose",
    abstract: "Give a port of a sandbox a URL.",
    discussion: """
      With --auth token the URL needs the sandbox's token, or a cookie that the
      browser URL sets: whoever opens that within an hour is logged in. For
      others, make a link with porthole links create.

      Examples:
        porthole expose ID 3000
        porthole expose ID 8888 --auth token --ttl 2h --name notebook
        porthole expose ID 5173 --host localhost --wait
        porthole expose ID 3000 --auth token --embed-origin https://app.example.com
      """)

  enum Authentication: String, ExpressibleByArgument, CaseIterable { case none, token }
  enum Upstream: String, ExpressibleByArgument, CaseIterable { case http, h2c, https }

  @OptionGroup var sandbox: SandboxArgument
  @OptionGroup var port: PortArgument
  @Option(help: ArgumentHelp("A name for people.", valueName: "text")) var name: String?
  @Option(
    help: ArgumentHelp("Who gets in: everybody with the URL, or with the token. Default: none.", valueName: "how"))
  var auth: Authentication?
  @Option(
    help: ArgumentHelp("Close it after that. Default: never.", valueName: "duration"), transform: Span.parseSeconds)
  var ttl: Int?
  @Option(
    name: .customLong("allow-ip"),
    help: ArgumentHelp("No client but from there; an address or a network, may be repeated.", valueName: "network"))
  var allowIPs: [String] = []
  @Option(
    help: ArgumentHelp(
      "The Host that the app sees: public (its URL's), localhost, or a name. Default: public.", valueName: "host"))
  var host: String?
  @Option(
    name: .customLong("protocol"),
    help: ArgumentHelp("What the app speaks; h2c is for gRPC. Default: http.", valueName: "protocol"))
  var upstream: Upstream?
  @Option(
    name: .customLong("embed-origin"),
    help: ArgumentHelp(
      "A site whose pages may embed and call it with the cookie; may be repeated.", valueName: "origin"))
  var embedOrigins: [String] = []
  @Flag(help: "A request wakes the sandbox when it sleeps.") var wake = false
  @Flag(name: .customLong("no-keep-alive"), help: "Requests do not keep the sandbox from idling.") var noKeepAlive =
    false
  @Flag(help: "Return when something answers there, after 30 s at most.") var wait = false
  @OptionGroup var idempotency: IdempotencyOption
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let client = try client()
    let answer = try client.call(
      "POST", sandbox.path + "/ports", body: body(), idempotencyKey: idempotency.key)
    show(answer, ExposureText.details(answer))
    if wait { _ = try PortWait().run(client, sandbox: sandbox, port: port.port) }
  }

  private func body() -> JSON {
    var body = Members()
    body.add("port", port.port)
    body.add("name", name)
    body.add("auth", auth?.rawValue)
    body.add("ttl", ttl)
    body.add("allowIPs", allowIPs)
    body.add("host", host)
    body.add("protocol", upstream?.rawValue)
    body.add("embedOrigins", embedOrigins)
    body.add("wake", flag: wake)
    if noKeepAlive { body.add("keepAlive", .bool(false)) }
    return body.json
  }
}

enum ExposureText {
  static func details(_ exposure: JSON) -> String {
    var details = Details()
    details.add("URL", exposure.cell("url"))
    // Whoever opens it is logged in.
    details.add("for a browser", exposure["browserUrl"]?.string)
    details.add("opened before", exposure.time("browserUrlExpiresAt"))
    details.add("port", exposure.cell("port"))
    details.add("name", exposure.cell("name"))
    details.add("auth", exposure.cell("auth"))
    details.add("closes", exposure.time("expiresAt"))
    details.add("only for", exposure.cell("allowIPs"))
    details.add("embedded by", exposure.cell("embedOrigins"))
    return details.text
  }
}

struct PortsCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "ports", abstract: "List the exposed ports of a sandbox.",
    discussion: """
      Example:
        porthole ports ID
      """)

  @OptionGroup var sandbox: SandboxArgument
  @OptionGroup var limit: LimitOption
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let list = try client().list(sandbox.path + "/ports", "ports", limit: limit.limit)
    var table = Table("PORT", "AUTH", "CLOSES", "URL", "NAME")
    for item in list.items {
      table.add(item.cell("port"), item.cell("auth"), item.time("expiresAt"), item.cell("url"), item.cell("name"))
    }
    show(list.document, table.text)
  }
}

struct CloseCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "close", abstract: "Take the URL of a port away again.",
    discussion: """
      Requests and connections that are open end at once, and so do the
      cookies and links that led there.

      Example:
        porthole close ID 3000
      """)

  @OptionGroup var sandbox: SandboxArgument
  @OptionGroup var port: PortArgument
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let answer = try client().call("DELETE", sandbox.path + "/ports/\(port.port)")
    show(answer, "port \(port.port) of \(sandbox.id) is closed")
  }
}
