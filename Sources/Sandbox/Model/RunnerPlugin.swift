public import Settings

/// A kind of runner, before there is one: what `runner.kind` is called and how its part of the configuration is read.
///
/// Adding a runner takes a folder of its own with a type that conforms to this, and one line that registers it, in
/// `Sources/Proxy/Main/Runners.swift`.
public protocol RunnerPlugin: Sendable {
  /// The word in the configuration: `static`.
  var kind: String { get }

  /// The keys that it has under `runner`, and their shapes. Other keys are refused, and each of these has a variable in
  /// the environment (`PORTHOLE_RUNNER_SANDBOXES`).
  var keys: [Schema.Key] { get }

  /// Reads its keys out of `section` (`section["sandboxes"]`) and refuses what is wrong with them. It is asked before
  /// anything is started, by `porthole check` as well, and changes nothing.
  /// - Returns: the sandboxes that the configuration itself lists.
  func check(_ section: Field) -> [ListedSandbox]

  /// - Parameter options: have passed `check`.
  func make(_ options: RunnerOptions) throws -> any SandboxRunner
}
