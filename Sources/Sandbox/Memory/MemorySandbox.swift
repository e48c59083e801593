internal import Glibc
internal import Sandbox
internal import Synchronization

/// One simulated sandbox.
///
/// Its ports answer while it runs and at no other time: opening and closing them happens under the same lock as what
/// makes it run or not.
final class MemorySandbox: Sendable {
  enum Phase: String, Sendable {
    case running, paused, hibernated
    /// It runs no more, but may be started again.
    case failed
    /// For good.
    case ended
  }

  /// What a snapshot keeps and a fork copies.
  struct Contents: Sendable {
    var files: MemoryFiles
    /// How often it was started: 1, and one more after each restart.
    var boots = 1
    /// Requests since it was started: what stands for its memory.
    var memory = 0
    /// What listens inside, whether or not it can be reached now.
    var ports: Set<UInt16>
    var nextPid = 1
  }

  struct State {
    var phase: Phase
    var address: SandboxAddress
    var contents: Contents
    /// The ports that can be reached now. The listener is nil where somebody else serves at the address.
    var open: [UInt16: EchoListener?] = [:]
    /// Every change of the phase makes what waits for an earlier one (ports that open late) pointless.
    var turn = 0
    /// Everything that runs: `exec` as well as background processes.
    var jobs: [Int: MemoryJob] = [:]
    /// Background processes, and those that have ended.
    var processes: [Int: MemoryJob] = [:]
    var faults: MemoryFaults
    var commandsRun = 0
    var filesPeak = 0
    var uptime: Duration = .zero
    var runningSince: ContinuousClock.Instant?
  }

  /// How many ended background processes are remembered.
  static let processesMax = 1000

  let id: SandboxID
  let spec: SandboxSpec
  let host: MemoryHost
  let portDelayMs: Int?
  let state: Mutex<State>

  init(
    _ id: SandboxID, _ spec: SandboxSpec, _ wishes: MemoryWishes, host: MemoryHost, phase: Phase,
    address: SandboxAddress, contents: Contents
  ) {
    self.id = id
    self.spec = spec
    self.host = host
    portDelayMs = wishes.portDelayMs
    state = Mutex(
      State(
        phase: phase, address: address, contents: contents, faults: wishes.faults,
        runningSince: phase == .running ? .now : nil))
  }

  // MARK: Looking

  var phase: Phase { state.withLock { $0.phase } }
  var address: SandboxAddress { state.withLock { $0.address } }
  var contents: Contents { state.withLock { $0.contents } }

  /// Of what runs inside.
  var env: [String: String] { spec.env.filter { !$0.key.hasPrefix(MemoryWishes.prefix) } }

  /// Milliseconds since 1970.
  var nowMs: UInt64 { MemorySandbox.nowMs }

  static var nowMs: UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return UInt64(now.tv_sec) * 1000 + UInt64(now.tv_nsec) / 1_000_000
  }

  var usage: SandboxUsage {
    state.withLock { state in
      let running = state.runningSince.map { ContinuousClock.now - $0 } ?? .zero
      // There is no CPU to measure: a command costs a millisecond.
      return SandboxUsage(
        cpuMs: UInt64(state.commandsRun), memPeakBytes: UInt64(1 << 20 + state.filesPeak),
        uptimeMs: UInt64((state.uptime + running) / .milliseconds(1)))
    }
  }

  /// - Throws: `.conflict` where nothing can run inside.
  func mustRun() throws(RunnerError) {
    let phase = phase
    if phase != .running { throw .conflict("the sandbox is \(phase.rawValue)") }
  }

  func withFiles<R: Sendable, E: Error>(_ body: (inout MemoryFiles) throws(E) -> R) throws(E) -> R {
    try state.withLock { state throws(E) in
      defer { state.filesPeak = max(state.filesPeak, state.contents.files.bytesUsed) }
      return try body(&state.contents.files)
    }
  }

  func countCommand() { state.withLock { $0.commandsRun += 1 } }

  func delayMs(of verb: MemoryVerb) -> Int? { state.withLock { $0.faults.delaysMs[verb] } }

  func fails(_ verb: MemoryVerb, dice: inout MemoryDice) -> Bool {
    state.withLock { $0.faults.fails(verb, dice: &dice) }
  }
}

extension MemorySandbox.State {
  mutating func enter(_ phase: MemorySandbox.Phase) {
    self.phase = phase
    turn += 1
    if let since = runningSince { uptime += ContinuousClock.now - since }
    runningSince = phase == .running ? .now : nil
  }

  /// - Returns: the ports that could be reached until now.
  mutating func closeAll() -> [UInt16] {
    defer { open = [:] }
    for listener in open.values { listener?.close() }
    return Array(open.keys)
  }
}
