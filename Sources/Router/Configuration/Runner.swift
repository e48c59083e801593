public import Sandbox
import Settings

extension Configuration {
  /// Who makes sandboxes. What else there is to say to a runner is the runner's own business.
  public struct Runner: Sendable, Equatable {
    /// Default: the first of those that are registered.
    public var kind: String
    /// Everything below `runner` but `kind`; `RunnerPlugin.check` found nothing wrong with it.
    public var options: RunnerOptions
    /// The sandboxes that the configuration itself lists.
    public var sandboxes: [ListedSandbox]

    public init(kind: String = "static", options: RunnerOptions = RunnerOptions(), sandboxes: [ListedSandbox] = []) {
      self.kind = kind
      self.options = options
      self.sandboxes = sandboxes
    }

    /// As if `options` had been read from a file.
    public init(_ runner: any RunnerPlugin, _ options: RunnerOptions) throws(RunnerOptionsError) {
      self.init(kind: runner.kind, options: options, sandboxes: try options.read(runner.check))
    }
  }
}

extension Configuration.Runner {
  /// Runners that are planned but not in this build: whoever asks for one has read of it and made no mistake.
  private static let planned = ["kvm"]

  init(_ field: Field, among runners: [any RunnerPlugin]) {
    self.init(kind: runners.first?.kind ?? "static")
    guard field.isSection("{kind: \(kind)}") else { return }
    guard let runner = Configuration.Runner.choose(field["kind"], among: runners) else { return }
    self.init(kind: runner.kind, options: RunnerOptions(field), sandboxes: runner.check(field))
  }

  private static func choose(_ field: Field, among runners: [any RunnerPlugin]) -> (any RunnerPlugin)? {
    let kinds = runners.map(\.kind)
    guard field.isGiven else { return runners.first }
    if let word = planned.first(where: { field.isWord($0) && !kinds.contains($0) }) {
      field.refuse("\(word) is not in this build yet; use \(kinds.joined(separator: " or "))")
      return nil
    }
    guard let kind = field.choice(kinds) else { return nil }
    return runners.first { $0.kind == kind }
  }

  /// The keys that `runner` may have when its kind is as it says. Where that is none that is known, all keys of all
  /// runners are: the kind alone is what has to be mended.
  static func keys(of kind: String?, among runners: [any RunnerPlugin]) -> [Schema.Key] {
    let chosen = kind == nil ? runners.first : runners.first { $0.kind == kind }
    if let chosen { return [Schema.Key("kind")] + chosen.keys }
    var keys = [Schema.Key("kind")]
    for key in runners.flatMap(\.keys) where !keys.contains(where: { $0.name == key.name }) { keys.append(key) }
    return keys
  }
}
