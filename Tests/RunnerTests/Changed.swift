import Sandbox
import Synchronization

/// A runner that passes everything on to another one, changed in a place or two.
///
/// Set up before it is shared and not changed afterwards, so nothing guards the settings.
final class Changed: SandboxRunner, @unchecked Sendable {
  private let inner: any SandboxRunner
  private let gate = Gate()

  var capabilities: Set<RunnerCapability>
  var pauses = true
  var destroys = true
  var oneAtATime = false
  var onPause: @Sendable (SandboxID) -> RunnerError? = { _ in nil }
  var onAddress: @Sendable (SandboxAddress) -> SandboxAddress = { $0 }
  var onDeadline: @Sendable (Deadline) -> Deadline = { $0 }
  var onBytes: @Sendable ([UInt8]) -> [UInt8] = { $0 }
  var onOutput: @Sendable (ExecOutput) -> ExecOutput = { $0 }
  var onFind: @Sendable (RunnerFinding) -> RunnerFinding = { $0 }

  init(_ inner: any SandboxRunner) {
    self.inner = inner
    capabilities = inner.capabilities
  }

  var kind: String { inner.kind }
  func start(events: @escaping @Sendable (RunnerEvent) -> Void) async throws(RunnerError) -> [ListedSandbox] {
    try await inner.start(events: events)
  }
  func find(_ known: KnownSandbox) -> RunnerFinding { onFind(inner.find(known)) }
  func settled() async { await inner.settled() }
  func stop() async { await inner.stop() }
  func networkProfiles() async -> [NetworkProfile] { await inner.networkProfiles() }

  func create(_ id: SandboxID, _ spec: SandboxSpec, deadline: Deadline) async throws(RunnerError) -> SandboxAddress {
    onAddress(try await inner.create(id, spec, deadline: onDeadline(deadline)))
  }
  func destroy(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) -> SandboxUsage {
    destroys ? try await inner.destroy(id, deadline: onDeadline(deadline)) : SandboxUsage()
  }
  func pause(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) {
    if let error = onPause(id) { throw error }
    if pauses { try await inner.pause(id, deadline: onDeadline(deadline)) }
  }
  func hibernate(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) {
    try await inner.hibernate(id, deadline: onDeadline(deadline))
  }
  func resume(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) -> SandboxAddress {
    onAddress(try await inner.resume(id, deadline: onDeadline(deadline)))
  }
  func fork(_ id: SandboxID, into: [SandboxID], deadline: Deadline) async throws(RunnerError) -> [SandboxAddress] {
    try await inner.fork(id, into: into, deadline: onDeadline(deadline))
  }
  func snapshot(_ id: SandboxID, as name: SandboxID, deadline: Deadline) async throws(RunnerError) -> SnapshotInfo {
    try await inner.snapshot(id, as: name, deadline: onDeadline(deadline))
  }
  func restore(_ name: SandboxID, as id: SandboxID, deadline: Deadline) async throws(RunnerError) -> SandboxAddress {
    try await inner.restore(name, as: id, deadline: onDeadline(deadline))
  }
  func deleteSnapshot(_ name: SandboxID, deadline: Deadline) async throws(RunnerError) {
    try await inner.deleteSnapshot(name, deadline: deadline)
  }
  func usage(of id: SandboxID) async throws(RunnerError) -> SandboxUsage { try await inner.usage(of: id) }

  func exec(
    _ id: SandboxID, _ command: ExecRequest, deadline: Deadline, output: @escaping @Sendable (ExecOutput) async -> Void
  ) async throws(RunnerError) -> ExecStatus {
    if oneAtATime { await gate.enter() }
    defer { if oneAtATime { gate.leave() } }
    return try await inner.exec(id, command, deadline: onDeadline(deadline)) { await output(self.onOutput($0)) }
  }
  func startProcess(_ id: SandboxID, _ command: ExecRequest, deadline: Deadline) async throws(RunnerError)
    -> ProcessInfo
  { try await inner.startProcess(id, command, deadline: onDeadline(deadline)) }
  func processes(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) -> [ProcessInfo] {
    try await inner.processes(id, deadline: deadline)
  }
  func logs(
    _ id: SandboxID, process: Int, follow: Bool, deadline: Deadline,
    output: @escaping @Sendable (ExecOutput) async -> Void
  ) async throws(RunnerError) {
    try await inner.logs(id, process: process, follow: follow, deadline: deadline, output: output)
  }
  func stopProcess(_ id: SandboxID, process: Int, deadline: Deadline) async throws(RunnerError) -> ProcessInfo {
    try await inner.stopProcess(id, process: process, deadline: deadline)
  }

  func readFile(
    _ id: SandboxID, path: String, deadline: Deadline, output: @escaping @Sendable ([UInt8]) async throws -> Void
  ) async throws(RunnerError) {
    try await inner.readFile(id, path: path, deadline: deadline) { try await output(self.onBytes($0)) }
  }
  func writeFile(
    _ id: SandboxID, path: String, mode: UInt32?, deadline: Deadline,
    input: @escaping @Sendable () async throws -> [UInt8]?
  ) async throws(RunnerError) {
    try await inner.writeFile(id, path: path, mode: mode, deadline: onDeadline(deadline), input: input)
  }
  func listFolder(_ id: SandboxID, path: String, deadline: Deadline) async throws(RunnerError) -> [FileInfo] {
    try await inner.listFolder(id, path: path, deadline: deadline)
  }
  func fileInfo(_ id: SandboxID, path: String, deadline: Deadline) async throws(RunnerError) -> FileInfo {
    try await inner.fileInfo(id, path: path, deadline: deadline)
  }
  func removeFile(_ id: SandboxID, path: String, recursive: Bool, deadline: Deadline) async throws(RunnerError) {
    try await inner.removeFile(id, path: path, recursive: recursive, deadline: deadline)
  }
  func renameFile(_ id: SandboxID, from: String, to: String, deadline: Deadline) async throws(RunnerError) {
    try await inner.renameFile(id, from: from, to: to, deadline: deadline)
  }
}

/// Lets one in at a time.
private final class Gate: Sendable {
  private struct State {
    var isTaken = false
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  func enter() async {
    await withCheckedContinuation { continuation in
      let isFree = state.withLock { state in
        if state.isTaken {
          state.waiting.append(continuation)
          return false
        }
        state.isTaken = true
        return true
      }
      if isFree { continuation.resume() }
    }
  }

  func leave() {
    let next: CheckedContinuation<Void, Never>? = state.withLock { state in
      if !state.waiting.isEmpty { return state.waiting.removeFirst() }
      state.isTaken = false
      return nil
    }
    next?.resume()
  }
}
