public import Sandbox
public import Settings

/// `kind: memory`: sandboxes that are only simulated, for tests and for trying Porthole without a hypervisor.
public struct MemoryRunnerPlugin: RunnerPlugin {
  public init() {}

  public var kind: String { "memory" }
  public var keys: [Schema.Key] { MemoryOptions.keys }

  public func check(_ section: Field) -> [ListedSandbox] {
    _ = MemoryOptions(section)
    return []
  }

  public func make(_ options: RunnerOptions) throws -> any SandboxRunner {
    MemoryRunner(try options.read { MemoryOptions($0) })
  }
}
