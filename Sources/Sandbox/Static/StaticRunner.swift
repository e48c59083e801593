internal import Bytes
public import Sandbox
internal import Synchronization

/// Sandboxes that somebody else started, listed in the configuration. They are always running: this runner can neither
/// start nor stop them, and claims no capability.
public final class StaticRunner: SandboxRunner {
  private struct State {
    var listed: [SandboxID: ListedSandbox]
    var events: @Sendable (RunnerEvent) -> Void = { _ in }
  }

  private let state: Mutex<State>

  /// The configuration refuses an id that is listed twice; here the last one counts.
  public init(_ sandboxes: [ListedSandbox]) {
    state = Mutex(State(listed: StaticRunner.byID(sandboxes)))
  }

  public var kind: String { "static" }
  public var capabilities: Set<RunnerCapability> { [] }

  public func start(
    events: @escaping @Sendable (RunnerEvent) -> Void
  ) async throws(RunnerError) -> [ListedSandbox] {
    state.withLock { $0.events = events }
    return listedNow
  }

  public func find(_ known: KnownSandbox) -> RunnerFinding {
    guard let sandbox = state.withLock({ $0.listed[known.id] }) else { return .gone(reason: "it is not in the list") }
    return .running(sandbox.address)
  }

  public func reconfigure(_ options: RunnerOptions) async throws(RunnerError) -> [String] {
    let sandboxes: [ListedSandbox]
    do { sandboxes = try options.read(StaticRunnerPlugin().check) } catch {
      throw .invalid(field: "runner", error.description)
    }
    replaceList(by: sandboxes)
    return []
  }

  /// In the order of the ids.
  var listedNow: [ListedSandbox] { state.withLock { $0.listed.values.sorted { $0.id.text < $1.id.text } } }

  /// Takes a newly loaded list and tells of what is different, in the order of the ids, so that logs read the same.
  /// Sandboxes that stayed as they were are not mentioned: their connections live on.
  @discardableResult
  func replaceList(by sandboxes: [ListedSandbox]) -> [RunnerEvent] {
    let wanted = StaticRunner.byID(sandboxes)
    let (news, events) = state.withLock { state in
      let old = state.listed
      state.listed = wanted
      let listed = wanted.values.filter { old[$0.id] != $0 }.sorted { $0.id.text < $1.id.text }
      let unlisted = old.keys.filter { wanted[$0] == nil }.sorted { $0.text < $1.text }
      return (listed.map { RunnerEvent.listed($0) } + unlisted.map { .unlisted($0) }, state.events)
    }
    for event in news { events(event) }
    return news
  }

  /// Moving a line in the configuration is no change.
  private static func byID(_ sandboxes: [ListedSandbox]) -> [SandboxID: ListedSandbox] {
    var listed: [SandboxID: ListedSandbox] = [:]
    for var sandbox in sandboxes {
      sandbox.exposures.sort { $0.port < $1.port }
      listed[sandbox.id] = sandbox
    }
    return listed
  }
}
