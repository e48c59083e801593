import ArgumentParser

struct UsageCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "usage", abstract: "Sum up what all sandboxes used.",
    discussion: """
      Example:
        porthole usage
      """)

  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let answer = try client().call("GET", "/v1/usage")
    var details = Details()
    details.add("sandboxes", answer.cell("activeSandboxes"))
    details.add("ended", answer.cell("historySandboxes"))
    for (name, member) in [("uptime", "uptimeSeconds"), ("CPU time", "cpuSeconds")] {
      details.add(name, answer[member]?.double.map { UsageCommand.text(seconds: $0) })
    }
    details.add("memory", answer["memSeconds"]?.double.map { "\(Int(clamped: $0.rounded())) GiB s" })
    details.add("as of", answer.time("asOf"))
    show(answer, details.text)
  }

  private static func text(seconds: Double) -> String {
    Span(milliseconds: Int(clamped: (seconds * 1000).rounded())).text
  }
}

extension Int {
  /// A number that somebody else sent need not fit.
  fileprivate init(clamped value: Double) {
    self = value.isNaN ? 0 : Int(exactly: Swift.min(Swift.max(value, -1e15), 1e15).rounded()) ?? 0
  }
}

struct HistoryCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "List the sandboxes that have ended.",
    discussion: """
      Example:
        porthole history --limit 20
      """)

  @OptionGroup var limit: LimitOption
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let list = try client().list("/v1/history", "history", limit: limit.limit)
    var table = Table("ID", "CREATED", "ENDED", "UPTIME", "CPU", "MEMORY", "IMAGE", "NAME")
    for item in list.items {
      table.add(
        item.cell("id"), item.time("createdAt"), item.time("destroyedAt"), item.span(milliseconds: "uptimeMs"),
        item.span(milliseconds: "cpuMs"), item.size("memPeakBytes"), item.cell("image"), item.cell("name"))
    }
    show(list.document, table.text)
  }
}
