import ArgumentParser
import Client

/// A command that asks the control API something.
protocol APICommand: ParsableCommand {
  var api: APIOptions { get }
  var json: Bool { get }
}

extension APICommand {
  func client() throws(CommandFailure) -> APIClient { try api.client(json: json) }

  /// Prints what the API answered: with `--json` as it came, else in the words for people.
  func show(_ document: JSON, _ text: @autoclosure () -> String) {
    Terminal.print(json ? document.text() : text())
  }
}

/// The members of a body, without those that nobody asked for: the API knows its own defaults.
struct Members {
  private var members: [(String, JSON)] = []

  mutating func add(_ name: String, _ text: String?) { if let text { members.append((name, .string(text))) } }
  mutating func add(_ name: String, _ number: Int?) { if let number { members.append((name, .number(number))) } }
  mutating func add(_ name: String, _ texts: [String]) { if !texts.isEmpty { members.append((name, .strings(texts))) } }
  mutating func add(_ name: String, _ value: JSON) { members.append((name, value)) }
  /// Only where it is not empty.
  mutating func add(_ name: String, _ inner: Members) { if !inner.members.isEmpty { add(name, inner.json) } }
  /// Only where it is set.
  mutating func add(_ name: String, flag: Bool) { if flag { add(name, .bool(true)) } }

  var json: JSON { .object(members) }
}
