internal import Loop
internal import Sandbox
internal import Store

/// A sandbox in motion: its machine, what the runner is doing for it, and who waits for the end of that. Kept as long as
/// the runner is at work; a sandbox at rest has none.
@ControlLoop
final class Life {
  enum Making: Sendable {
    case fresh
    case restored(snapshot: SandboxID)
    /// By a fork of another, which tells how that went.
    case forked(ForkedChild)
  }

  /// Why the runner is asked.
  enum Cause: String, Sendable {
    case call, request, idle, start
  }

  let id: SandboxID
  var machine: SandboxLifecycle
  var making = Making.fresh
  var cause = Cause.call
  /// A new sandbox's row until it is written.
  var unwritten: StoredSandbox?
  /// Done in the transaction that says that a new sandbox runs.
  var whenMade: (@Sendable (inout SandboxChange) throws -> Void)?
  /// What a copy is made into.
  var copy = Copy.none
  /// Stops the runner's work.
  var cancel: (@ControlLoop () -> Void)?
  /// The end of the present drive; nil while nobody drives.
  var settling: Settling?
  /// As written last.
  var row: StoredSandbox?
  /// What the runner told of an end that nobody asked for.
  var reason: String?

  enum Copy: Sendable {
    case none
    case snapshot(SandboxID)
    case children([SandboxID])
  }

  init(_ id: SandboxID, _ machine: SandboxLifecycle) {
    self.id = id
    self.machine = machine
  }

  /// Between the end of the runner's work and the end of writing it down: nothing new may begin.
  var isWindingUp: Bool { settling != nil && machine.verb == nil }

  /// A sandbox at rest, as its row tells.
  static func resting(_ row: StoredSandbox, find: (StoredSandbox) -> RunnerFinding) -> SandboxLifecycle {
    let finding: RunnerFinding
    switch row.state {
    case .running, .failed: finding = .running(row.address)
    case .paused: finding = .paused(row.address)
    case .hibernated: finding = .hibernated
    case .terminated: finding = .gone(reason: "")
    // Only where the store could not be written: then the runner knows best.
    case .creating, .pausing, .hibernating, .resuming, .terminating: finding = find(row)
    }
    var (machine, _) = SandboxLifecycle.adopted(was: row.state.isTransition ? .failed : row.state, found: finding)
    if row.state == .failed { _ = machine.take(.lost) }
    return machine
  }
}

/// The address of a fork's child, once the parent's fork is over.
@ControlLoop
final class ForkedChild: Sendable {
  private let wait = Wait()
  private var outcome: Result<SandboxAddress, RunnerError>?

  nonisolated init() {}

  func report(_ result: Result<SandboxAddress, RunnerError>) {
    outcome = result
    wait.end()
  }

  func address() async throws(RunnerError) -> SandboxAddress {
    await wait.ended()
    return try (outcome ?? .failure(.failed("the fork had no outcome"))).get()
  }
}

/// How a drive went, told to all who wait for it at its end.
@ControlLoop
final class Settling {
  private let wait = Wait()
  /// States that the sandbox came to on the way.
  var reached: Set<SandboxState> = []
  /// The first thing that failed.
  var failure: Problem?
  var snapshot: SnapshotInfo?
  var addresses: [SandboxAddress]?
  /// Whether a copy was made.
  var isCopied = false

  nonisolated init() {}

  func end() { wait.end() }
  func ended() async { await wait.ended() }
}

extension SandboxState {
  var isTransition: Bool {
    switch self {
    case .creating, .pausing, .hibernating, .resuming, .terminating: true
    case .running, .paused, .hibernated, .terminated, .failed: false
    }
  }
}

extension SandboxLifecycle.Ask {
  /// Where it leads; nil for what leaves the state alone.
  var goal: SandboxState? {
    switch self {
    case .pause: .paused
    case .hibernate: .hibernated
    case .resume: .running
    case .destroy: .terminated
    case .snapshot, .fork: nil
    }
  }

  /// What the runner has to be able to do; any of them will do.
  var capabilities: [RunnerCapability] {
    switch self {
    case .pause: [.pause]
    case .hibernate: [.hibernate]
    case .resume: [.pause, .hibernate]
    case .destroy: [.create]
    case .snapshot: [.snapshot]
    case .fork: [.fork]
    }
  }
}
