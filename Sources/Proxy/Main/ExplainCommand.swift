import ArgumentParser
import Configuration

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Say why a URL works or fails, stage by stage.",
    discussion: """
      Reads the configuration and nothing else: no connection is made and no
      sandbox is touched, so what the control API changed since the start is
      not known here.

      Exit status: 0 it works, 1 Porthole would refuse it, 2 wrong usage.

      Example:
        porthole explain https://3000-demo.preview.localhost:8443/
      """)

  @Argument(help: "The URL; without a scheme it is https.") var url: String

  @OptionGroup var options: ConfigurationOptions

  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let explanation = Explanation(url: url, configuration: try options.loadOrFail().configuration)
    Terminal.print(json ? ExplainCommand.json(explanation).text() : ExplainCommand.text(explanation))
    if explanation.answer?.error != nil { throw CommandFailure("") }
  }

  private static func text(_ explanation: Explanation) -> String {
    var lines = [explanation.url]
    for step in explanation.steps {
      let mark =
        switch step.outcome {
        case .passed: "ok    "
        case .note: "note  "
        case .refused: "stop  "
        }
      lines.append("  \(mark)\(step.name)\(String(repeating: " ", count: max(1, 10 - step.name.count)))\(step.detail)")
    }
    lines.append(verdict(explanation))
    return lines.joined(separator: "\n")
  }

  private static func verdict(_ explanation: Explanation) -> String {
    guard let answer = explanation.answer else {
      return "It is forwarded. Where nothing listens there, the answer is 502 with Porthole-Error: dial/port-closed."
    }
    guard let status = answer.status else { return "Porthole answers it itself." }
    return "Porthole answers it itself: \(status)" + (answer.error.map { " with Porthole-Error: \($0)." } ?? ".")
  }

  private static func json(_ explanation: Explanation) -> JSON {
    .object([
      ("url", .string(explanation.url)),
      ("forwarded", .bool(explanation.isForwarded)),
      ("status", explanation.answer?.status.map { .number($0) } ?? .null),
      ("error", .optional(explanation.answer?.error)),
      (
        "steps",
        .array(
          explanation.steps.map { step in
            .object([
              ("name", .string(step.name)), ("outcome", .string(step.outcome.rawValue)),
              ("detail", .string(step.detail)),
            ])
          })
      ),
    ])
  }
}
