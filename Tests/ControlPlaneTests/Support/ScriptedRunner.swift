import Bytes
import Loop
import Sandbox
import Synchronization

/// A runner that does what a test says.
final class ScriptedRunner: SandboxRunner {
  enum Act: Sendable {
    case succeed
    case fail(RunnerError)
    /// Until it is released or cancelled; then as the following act says.
    case hang
    /// Whatever happens.
    case ignoreCancellation
  }

  struct Asked: Hashable, Sendable {
    var verb: String
    var id: SandboxID
  }

  fileprivate struct State {
    var sandboxes: [SandboxID: RunnerFinding] = [:]
    var snapshots: Set<SandboxID> = []
    var acts: [String: [Act]] = [:]
    var asked: [Asked] = []
    var running: [SandboxID: Int] = [:]
    var overlaps = 0
    var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
    var nextWait: UInt64 = 0
    var released = 0
    var files: [String: [UInt8]] = [:]
    var events: (@Sendable (RunnerEvent) -> Void)?
    var listed: [ListedSandbox] = []
    var nextAddress: UInt32 = 0x0A00_0001
    var hasSettled = false
  }

  private let state = Mutex(State())
  let kind: String
  let capabilities: Set<RunnerCapability>
  let reservedPorts: Set<UInt16>

  init(
    kind: String = "scripted", capabilities: Set<RunnerCapability> = Set(RunnerCapability.allCases),
    reservedPorts: Set<UInt16> = [7777], listed: [ListedSandbox] = []
  ) {
    self.kind = kind
    self.capabilities = capabilities
    self.reservedPorts = reservedPorts
    state.withLock { $0.listed = listed }
  }

  // MARK: For tests

  /// What the next calls of a verb do; then they succeed again.
  func script(_ verb: String, _ acts: Act...) { state.withLock { $0.acts[verb, default: []] += acts } }
  func put(_ id: SandboxID, _ finding: RunnerFinding) { state.withLock { $0.sandboxes[id] = finding } }
  func tell(_ event: RunnerEvent) { state.withLock { $0.events }?(event) }
  var asked: [Asked] { state.withLock { $0.asked } }
  func count(_ verb: String) -> Int { asked.count { $0.verb == verb } }
  /// Verbs of one sandbox that ran at the same time: must stay 0.
  var overlaps: Int { state.withLock { $0.overlaps } }
  var hanging: Int { state.withLock { $0.waiting.count } }
  var hasSettled: Bool { state.withLock { $0.hasSettled } }

  func release() {
    let all = state.withLock { state in
      defer { state.waiting = [:] }
      return Array(state.waiting.values)
    }
    for continuation in all { continuation.resume() }
  }

  // MARK: Beginning and end

  func start(
    events: @escaping @Sendable (RunnerEvent) -> Void
  ) async throws(RunnerError) -> [ListedSandbox] {
    state.withLock { state in
      state.events = events
      for listed in state.listed { state.sandboxes[listed.id] = .running(listed.address) }
      return state.listed
    }
  }

  func find(_ known: KnownSandbox) -> RunnerFinding {
    state.withLock { $0.sandboxes[known.id] ?? .gone(reason: "it is not here") }
  }

  func settled() async { state.withLock { $0.hasSettled = true } }

  // MARK: Life

  func create(
    _ id: SandboxID, _ spec: SandboxSpec, deadline: Deadline
  ) async throws(RunnerError) -> SandboxAddress { try await place(id, "create") }

  func destroy(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) -> SandboxUsage {
    try await run("destroy", id)
    state.withLock { $0.sandboxes[id] = nil }
    return SandboxUsage(cpuMs: 120, memPeakBytes: 4096)
  }

  func pause(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) {
    try await run("pause", id)
    state.withLock { $0.sandboxes[id] = .paused(.none) }
  }

  func hibernate(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) {
    try await run("hibernate", id)
    state.withLock { $0.sandboxes[id] = .hibernated }
  }

  func resume(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) -> SandboxAddress {
    try await place(id, "resume")
  }

  func fork(
    _ id: SandboxID, into children: [SandboxID], deadline: Deadline
  ) async throws(RunnerError) -> [SandboxAddress] {
    try await run("fork", id)
    return children.map { child in
      state.withLock { $0.place(child) }
    }
  }

  func snapshot(
    _ id: SandboxID, as snapshot: SandboxID, deadline: Deadline
  ) async throws(RunnerError) -> SnapshotInfo {
    try await run("snapshot", id)
    state.withLock { _ = $0.snapshots.insert(snapshot) }
    return SnapshotInfo(sizeBytes: 1_000, spec: SandboxSpec(image: "saved:1", vcpus: 2))
  }

  func restore(
    _ snapshot: SandboxID, as id: SandboxID, deadline: Deadline
  ) async throws(RunnerError) -> SandboxAddress { try await place(id, "restore") }

  func deleteSnapshot(_ snapshot: SandboxID, deadline: Deadline) async throws(RunnerError) {
    try await run("deleteSnapshot", snapshot)
    guard state.withLock({ $0.snapshots.remove(snapshot) }) != nil else { throw .notFound("no such snapshot") }
  }

  func networkProfiles() async -> [NetworkProfile] {
    [NetworkProfile(name: "openai", description: nil, allow: ["api.example.com"], deny: [])]
  }

  private func place(_ id: SandboxID, _ verb: String) async throws(RunnerError) -> SandboxAddress {
    try await run(verb, id)
    return state.withLock { $0.place(id) }
  }

  private func run(_ verb: String, _ id: SandboxID) async throws(RunnerError) {
    let act = state.withLock { state -> Act in
      state.asked.append(Asked(verb: verb, id: id))
      state.running[id, default: 0] += 1
      if state.running[id, default: 0] > 1 { state.overlaps += 1 }
      guard var acts = state.acts[verb], !acts.isEmpty else { return .succeed }
      let act = acts.removeFirst()
      state.acts[verb] = acts
      return act
    }
    defer { state.withLock { $0.running[id, default: 1] -= 1 } }
    try await perform(act, verb)
  }

  private func perform(_ act: Act, _ verb: String) async throws(RunnerError) {
    switch act {
    case .succeed: return
    case .fail(let error): throw error
    case .hang:
      await hold(isCancellable: true)
      if Task.isCancelled { throw .failed("cancelled") }
      let next = state.withLock { state -> Act in
        guard var acts = state.acts[verb + ".then"], !acts.isEmpty else { return .succeed }
        let act = acts.removeFirst()
        state.acts[verb + ".then"] = acts
        return act
      }
      try await perform(next, verb)
    case .ignoreCancellation: await hold(isCancellable: false)
    }
  }

  private func hold(isCancellable: Bool) async {
    let number = state.withLock { state in
      state.nextWait += 1
      return state.nextWait
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if isCancellable, Task.isCancelled { return true }
          state.waiting[number] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      guard isCancellable else { return }
      state.withLock { $0.waiting.removeValue(forKey: number) }?.resume()
    }
  }

  // MARK: Inside

  func exec(
    _ id: SandboxID, _ command: ExecRequest, deadline: Deadline,
    output: @escaping @Sendable (ExecOutput) async -> Void
  ) async throws(RunnerError) -> ExecStatus {
    try await runInside("exec", id)
    switch command.command {
    case "kill": return .signalled(9)
    case "slow": throw .timedOut
    case "flood":
      for _ in 0..<40 { await output(.stdout([UInt8](repeating: 0x61, count: 262_144))) }
    case "split":
      for byte in "é€😀".utf8 { await output(.stdout([byte])) }
    default:
      await output(.stdout(Array(command.command.utf8)))
      await output(.stderr(command.stdin))
    }
    return .exited(command.command == "false" ? 1 : 0)
  }

  func startProcess(
    _ id: SandboxID, _ command: ExecRequest, deadline: Deadline
  ) async throws(RunnerError) -> ProcessInfo {
    try await runInside("startProcess", id)
    return ProcessInfo(pid: 7, command: command.command, startedAtMs: 1_000)
  }

  func processes(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) -> [ProcessInfo] {
    [
      ProcessInfo(pid: 7, command: "serve", startedAtMs: 1_000),
      ProcessInfo(pid: 8, command: "done", startedAtMs: 2_000, status: .exited(3)),
    ]
  }

  func logs(
    _ id: SandboxID, process: Int, follow: Bool, deadline: Deadline,
    output: @escaping @Sendable (ExecOutput) async -> Void
  ) async throws(RunnerError) {
    guard process == 7 || process == 8 else { throw .notFound("there is no process \(process)") }
    await output(.stdout(Array("one".utf8)))
    await output(.stdout(Array("two".utf8)))
    await output(.stderr(Array("bad".utf8)))
    if follow { try await runInside("follow", id) }
  }

  func stopProcess(_ id: SandboxID, process: Int, deadline: Deadline) async throws(RunnerError) -> ProcessInfo {
    guard process == 7 else { throw .notFound("there is no process \(process)") }
    return ProcessInfo(pid: 7, command: "serve", startedAtMs: 1_000, status: .signalled(15))
  }

  func readFile(
    _ id: SandboxID, path: String, deadline: Deadline, output: @escaping @Sendable ([UInt8]) async throws -> Void
  ) async throws(RunnerError) {
    guard let bytes = state.withLock({ $0.files[path] }) else { throw .notFound("there is no file \(path)") }
    for start in stride(from: 0, to: bytes.count, by: 3) {
      do {
        try await output(Array(bytes[start..<min(start + 3, bytes.count)]))
      } catch {
        throw .failed("nobody reads")
      }
      if path == "/breaks" { throw .failed("the disk broke") }
    }
  }

  func writeFile(
    _ id: SandboxID, path: String, mode: UInt32?, deadline: Deadline,
    input: @escaping @Sendable () async throws -> [UInt8]?
  ) async throws(RunnerError) {
    var all: [UInt8] = []
    do {
      while let chunk = try await input() { all += chunk }
    } catch {
      throw .failed("the bytes ended early")
    }
    state.withLock { $0.files[path] = all }
  }

  func listFolder(_ id: SandboxID, path: String, deadline: Deadline) async throws(RunnerError) -> [FileInfo] {
    [FileInfo(name: "a", kind: .folder, mode: 0o755), FileInfo(name: "b", kind: .file, sizeBytes: 3)]
  }

  func fileInfo(_ id: SandboxID, path: String, deadline: Deadline) async throws(RunnerError) -> FileInfo {
    guard let bytes = state.withLock({ $0.files[path] }) else { throw .notFound("there is no file \(path)") }
    return FileInfo(name: path, kind: .file, sizeBytes: UInt64(bytes.count))
  }

  func removeFile(_ id: SandboxID, path: String, recursive: Bool, deadline: Deadline) async throws(RunnerError) {
    guard state.withLock({ $0.files.removeValue(forKey: path) }) != nil else {
      throw .notFound("there is no file \(path)")
    }
  }

  func renameFile(_ id: SandboxID, from: String, to: String, deadline: Deadline) async throws(RunnerError) {
    let isDone = state.withLock { state in
      guard let bytes = state.files.removeValue(forKey: from) else { return false }
      state.files[to] = bytes
      return true
    }
    if !isDone { throw .notFound("there is no file \(from)") }
  }

  /// Commands and files may run beside a lifecycle verb.
  private func runInside(_ verb: String, _ id: SandboxID) async throws(RunnerError) {
    let act = state.withLock { state -> Act in
      state.asked.append(Asked(verb: verb, id: id))
      guard var acts = state.acts[verb], !acts.isEmpty else { return .succeed }
      let act = acts.removeFirst()
      state.acts[verb] = acts
      return act
    }
    try await perform(act, verb)
  }
}

extension ScriptedRunner.State {
  fileprivate mutating func place(_ id: SandboxID) -> SandboxAddress {
    nextAddress += 1
    let address = SandboxAddress.ip(IPAddress(v4: nextAddress))
    sandboxes[id] = .running(address)
    return address
  }
}
