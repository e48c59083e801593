import ArgumentParser
import Client

struct KeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys", abstract: "Make, list and revoke keys for the control API.",
    discussion: """
      A key opens everything. Give each program its own, so that one can be
      revoked alone.

      Example:
        porthole keys create ci
      """,
    subcommands: [KeysCreateCommand.self, KeysListCommand.self, KeysRevokeCommand.self])
}

struct KeysCreateCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make a key. It is shown once.",
    discussion: """
      Example:
        (umask 077; porthole keys create ci --quiet > ci.key)
      """)

  @Argument(help: "A name for people.") var name: String
  @OptionGroup var idempotency: IdempotencyOption
  @OptionGroup var api: APIOptions
  @Flag(name: .shortAndLong, help: "Print the key and nothing else.") var quiet = false
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let answer = try client().call(
      "POST", "/v1/keys", body: .object([("name", .string(name))]), idempotencyKey: idempotency.key)
    var details = Details()
    details.add("key", answer["key"]?.string.map { "\($0)   (shown only now)" })
    details.add("id", answer.cell("id"))
    details.add("name", answer.cell("name"))
    show(answer, quiet ? Terminal.visible(answer.cell("key")) : details.text)
  }
}

struct KeysListCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the keys, revoked ones as well; not their secrets.",
    discussion: """
      Example:
        porthole keys list
      """)

  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let answer = try client().call("GET", "/v1/keys")
    var table = Table("ID", "CREATED", "LAST USED", "REVOKED", "NAME")
    for item in answer["keys"]?.array ?? [] {
      table.add(
        item.cell("id"), item.time("createdAt"), item.time("lastUsedAt"), item.time("revokedAt"), item.cell("name"))
    }
    show(answer, table.text)
  }
}

struct KeysRevokeCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "End a key at once.",
    discussion: """
      Example:
        porthole keys revoke KEYID
      """)

  @Argument(help: "The key's id, from porthole keys list.") var key: String
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    // The error itself must not say it again: it may end in a log.
    if key.hasPrefix("phk_") { throw ValidationError("That is a key itself; its id is in porthole keys list") }
  }

  func run() throws {
    let answer = try client().call("DELETE", "/v1/keys/\(PercentEncoding.component(key))")
    show(answer, "\(Terminal.visible(key)) is revoked")
  }
}
