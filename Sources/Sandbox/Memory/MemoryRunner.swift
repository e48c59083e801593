internal import Bytes
public import Sandbox
internal import Synchronization

/// Sandboxes that are only simulated: files, commands and ports without a hypervisor, and faults on demand.
///
/// Nothing of them survives the process but what the store knows. A running one that is found again after a restart has
/// been started anew (`boots` says so), and its files and snapshots are gone.
public final class MemoryRunner: SandboxRunner {
  struct Snapshot: Sendable {
    var spec: SandboxSpec
    var contents: MemorySandbox.Contents
  }

  struct State {
    var sandboxes: [SandboxID: MemorySandbox] = [:]
    var adopted = AdoptedSandboxes()
    /// The first of those that ran: their ports answer without anybody's asking.
    var awake: [SandboxID] = []
    var snapshots: [SandboxID: Snapshot] = [:]

    var count: Int { sandboxes.count + adopted.count }

    func has(_ id: SandboxID) -> Bool { sandboxes[id] != nil || adopted.contains(id) }
  }

  /// After a restart every port that answers costs a socket, and there may be a million: the others begin to when
  /// somebody asks something of their sandbox.
  private static let awakeMax = 1000

  let host: MemoryHost
  let state: Shared

  /// Apart from the runner, so that a sandbox that ends by itself can be forgotten without knowing the runner.
  final class Shared: Sendable {
    let state = Mutex(State())
  }

  init(_ options: MemoryOptions) {
    let state = Shared()
    self.state = state
    host = MemoryHost(options) { id in state.withLock { $0.sandboxes[id] = nil } }
  }

  public var kind: String { "memory" }
  public var capabilities: Set<RunnerCapability> { Set(RunnerCapability.allCases) }

  // MARK: Beginning and end of the process

  public func start(
    events: @escaping @Sendable (RunnerEvent) -> Void
  ) async throws(RunnerError) -> [ListedSandbox] {
    host.listen(events)
    return []
  }

  public func find(_ known: KnownSandbox) -> RunnerFinding {
    if host.options.forget { return .gone(reason: "the memory runner was told to forget it") }
    let phase: MemorySandbox.Phase
    switch known.state {
    case .creating: return .gone(reason: "Porthole ended before it was made")
    case .terminating, .terminated: return .gone(reason: "it ended with Porthole")
    case .running, .pausing, .hibernating, .resuming, .failed: phase = .running
    case .paused: phase = .paused
    case .hibernated: phase = .hibernated
    }
    guard let address = host.keepAddress(known.id, known.address) else { return .gone(reason: "no address is left") }
    state.withLock { state in
      state.adopted.add(known.id, known.spec, phase, address)
      if phase == .running, state.awake.count < MemoryRunner.awakeMax { state.awake.append(known.id) }
    }
    switch phase {
    case .paused: return .paused(address)
    case .hibernated: return .hibernated
    case .running, .failed, .ended: return .running(address)
    }
  }

  public func settled() async {
    let awake = state.withLock { state in
      defer { state.awake = [] }
      return state.awake
    }
    for id in awake { _ = sandbox(id) }
  }

  public func reconfigure(_ options: RunnerOptions) async throws(RunnerError) -> [String] {
    do {
      return host.reconfigure(try options.read { MemoryOptions($0) })
    } catch {
      throw .invalid(field: "runner", error.description)
    }
  }

  /// None lives on, but none has ended either: the store finds them again.
  public func stop() async {
    host.listen { _ in }
    for sandbox in state.withLock({ $0.sandboxes.values.map(\.self) }) { sandbox.end() }
    host.removeFolder()
  }

  public func networkProfiles() async -> [NetworkProfile] {
    [
      NetworkProfile(name: "default", description: "Everything may be reached", allow: ["0.0.0.0/0", "::/0"]),
      NetworkProfile(name: "none", description: "Nothing may be reached", deny: ["0.0.0.0/0", "::/0"]),
    ]
  }

  // MARK: Looking

  /// The sandbox, made real if it was only known so far. Nil where there is none, or no more.
  func sandbox(_ id: SandboxID) -> MemorySandbox? {
    let (sandbox, isFresh) = state.withLock { state in
      if let sandbox = state.sandboxes[id] { return (sandbox, false) as (MemorySandbox?, Bool) }
      guard let known = state.adopted.take(id),
        let address = known.address.map({ SandboxAddress.ip($0) }) ?? (try? host.takeAddress(id))
      else { return (nil, false) }
      // Wishes that cannot be read were refused when the sandbox was made.
      let wishes = (try? MemoryWishes(known.spec.env)) ?? MemoryWishes()
      var contents = freshContents(wishes)
      contents.boots = 2  // At least: nobody has counted.
      let sandbox = MemorySandbox(
        id, known.spec, wishes, host: host, phase: known.phase, address: address, contents: contents)
      state.sandboxes[id] = sandbox
      return (sandbox, true)
    }
    // A port that is taken by somebody else does not answer; the sandbox is there all the same.
    if isFresh { try? sandbox?.openPorts() }
    return sandbox
  }

  func found(_ id: SandboxID) throws(RunnerError) -> MemorySandbox {
    guard let sandbox = sandbox(id) else { throw .notFound("there is no sandbox \(id)") }
    return sandbox
  }

  /// One in which something can be done.
  func running(_ id: SandboxID) throws(RunnerError) -> MemorySandbox {
    let sandbox = try found(id)
    try sandbox.mustRun()
    return sandbox
  }

  func freshContents(_ wishes: MemoryWishes) -> MemorySandbox.Contents {
    MemorySandbox.Contents(files: MemoryFiles(nowMs: MemorySandbox.nowMs), ports: wishes.ports ?? host.options.ports)
  }
}

extension MemoryRunner.Shared {
  func withLock<R: Sendable, E: Error>(_ body: (inout sending MemoryRunner.State) throws(E) -> sending R) throws(E) -> R
  {
    try state.withLock(body)
  }
}
