import ArgumentParser
import Client
import Sandbox

/// The sandbox that a command is about.
struct SandboxArgument: ParsableArguments {
  @Argument(help: "The sandbox's id.", transform: SandboxArgument.parse) var id: String

  /// Checked here, because the id becomes a part of a path.
  static func parse(_ text: String) throws -> String {
    guard SandboxID(text) != nil else {
      throw Span.Invalid(
        description:
          "not a sandbox's id: small letters, digits and hyphens, a letter first, at most \(SandboxID.lengthMax)")
    }
    return text
  }

  var path: String { SandboxArgument.path(id) }
  static func path(_ id: String) -> String { "/v1/sandboxes/\(id)" }
}

/// A port of that sandbox.
struct PortArgument: ParsableArguments {
  @Argument(help: "The port inside the sandbox.", transform: PortArgument.parse) var port: Int

  static func parse(_ text: String) throws -> Int {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(text), (1...65535).contains(port) else {
      throw Span.Invalid(description: "not a port from 1 to 65535")
    }
    return port
  }
}

/// How much of a list.
struct LimitOption: ParsableArguments {
  @Option(help: "At most so many; without it, all.") var limit: Int?

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit has to be 1 or more") }
  }
}

/// For calls that make something: repeating one with the same key does not make it twice.
struct IdempotencyOption: ParsableArguments {
  @Option(
    name: .customLong("idempotency-key"),
    help: ArgumentHelp("Repeating the call with the same key makes nothing twice.", valueName: "text"))
  var key: String?

  func validate() throws {
    if let key, !(1...255).contains(key.utf8.count) || !key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
      throw ValidationError("--idempotency-key has to be 1 to 255 visible ASCII characters")
    }
  }
}

/// Variables for what runs in a sandbox.
struct VariableOptions: ParsableArguments {
  @Option(
    name: [.customShort("e"), .customLong("env")],
    help: ArgumentHelp(
      "A variable; a name alone takes the value from here, which keeps it out of the process list. May be repeated.",
      valueName: "name[=value]"))
  var variables: [String] = []

  /// Nil where there is none.
  func json() throws(CommandFailure) -> JSON? {
    if variables.isEmpty { return nil }
    let own = ProcessEnvironment.variables()
    var members: [(String, JSON)] = []
    for text in variables {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard !parts[0].isEmpty else {
        throw CommandFailure("porthole: --env \(text): expected name=value, or the name of a variable", status: .misuse)
      }
      guard let value = parts.count == 2 ? parts[1] : own[parts[0]] else {
        throw CommandFailure(
          "porthole: --env \(parts[0]): no such variable here; say \(parts[0])=value", status: .misuse)
      }
      // The last of a name counts, as with env(1).
      members.removeAll { $0.0 == parts[0] }
      members.append((parts[0], .string(value)))
    }
    return .object(members)
  }
}

/// What to run, behind `--`.
struct CommandArgument: ParsableArguments {
  @Argument(parsing: .postTerminator, help: ArgumentHelp("What to run, behind --.", valueName: "command"))
  var words: [String] = []

  func validate() throws {
    if words.isEmpty { throw ValidationError("Say behind -- what to run, such as: -- ls -l /tmp") }
  }

  /// One word is a line for the shell, as it is; several are a program and its arguments, and reach it unchanged.
  var line: String { words.count == 1 ? words[0] : words.map(CommandArgument.quoted).joined(separator: " ") }

  /// For /bin/sh: within single quotes nothing but the quote itself is special (POSIX XCU §2.2.2).
  static func quoted(_ word: String) -> String {
    let isPlain = word.utf8.allSatisfy {
      (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x30...0x39).contains($0)
        || "-_./:@%+,=".utf8.contains($0)
    }
    if isPlain, !word.isEmpty { return word }
    return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}
