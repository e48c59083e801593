import Configuration
import MemoryRunner
import Sandbox
import StaticRunner

/// The kinds of runners in this build: a line for each. The first is the default.
enum Runners {
  static let all: [any RunnerPlugin] = [
    StaticRunnerPlugin(),
    MemoryRunnerPlugin(),
  ]

  /// The runner that the configuration asks for, not started yet.
  static func make(_ configuration: Configuration) throws -> any SandboxRunner {
    guard let plugin = all.first(where: { $0.kind == configuration.runner.kind }) else {
      throw RunnerError.invalid(field: "runner.kind", "there is no runner \(configuration.runner.kind) in this build")
    }
    return try plugin.make(configuration.runner.options)
  }
}
