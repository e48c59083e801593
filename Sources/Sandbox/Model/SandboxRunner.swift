/// Where sandboxes come from: the plugin interface. Porthole asks a runner to make, stop and inspect sandboxes and how
/// a port of one is reached; nobody outside the runner's own folder may tell by name which runner is in use.
///
/// Rules that every runner is held to by the conformance suite (`RunnerConformance`):
/// - A verb whose capability is not in `capabilities` throws `RunnerError.unsupported` and changes nothing.
/// - Every verb ends by its deadline, done or with `.timedOut`, and soon after its task is cancelled. What it left half
///   done it finishes or undoes by itself; asking again is safe.
/// - `pause`, `resume`, `hibernate` and `destroy` of a sandbox that is there already succeed and change nothing.
/// - Different sandboxes never wait for each other.
/// - The control plane asks one lifecycle verb at a time per sandbox; `exec` and files may run beside one another.
/// - No address that is given out leads to anything but that sandbox, until after the sandbox has ended.
public protocol SandboxRunner: Sendable {
  /// The word in the configuration: `static`, `kvm`.
  var kind: String { get }

  /// What can be asked of this runner beyond listing and reaching its sandboxes.
  var capabilities: Set<RunnerCapability> { get }

  /// Ports that no exposure may take, such as that of the runner's agent inside the sandbox.
  var reservedPorts: Set<UInt16> { get }

  // MARK: Beginning and end of the process

  /// Called once, before anything else. From now on `events` may be called, from any thread.
  /// - Returns: sandboxes that exist without Porthole's doing.
  func start(events: @escaping @Sendable (RunnerEvent) -> Void) async throws(RunnerError) -> [ListedSandbox]

  /// What has become of a sandbox that the store knows. Asked for each of them after `start`, perhaps for very many: it
  /// must not wait for anything.
  func find(_ known: KnownSandbox) -> RunnerFinding

  /// Called once after all `find`: what the runner has beyond those is nobody's, and is cleaned up.
  func settled() async

  /// The configuration was read again (SIGHUP) and says something else under `runner`. What it lists anew or no more is
  /// told by events.
  /// - Parameter options: have passed `RunnerPlugin.check`.
  /// - Returns: keys whose change takes a restart, as in `runner.address`.
  func reconfigure(_ options: RunnerOptions) async throws(RunnerError) -> [String]

  /// Porthole stops. Sandboxes that can live on do so.
  func stop() async

  // MARK: Life

  /// - Returns: where its ports are found. The id is new; the sandbox runs when this returns.
  func create(_ id: SandboxID, _ spec: SandboxSpec, deadline: Deadline) async throws(RunnerError) -> SandboxAddress

  /// Ends it for good and frees everything.
  func destroy(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) -> SandboxUsage

  func pause(_ id: SandboxID, deadline: Deadline) async throws(RunnerError)

  func hibernate(_ id: SandboxID, deadline: Deadline) async throws(RunnerError)

  /// Out of `paused` or `hibernated`; and out of a failure that `RunnerEvent.failed` told of, where it starts anew.
  func resume(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) -> SandboxAddress

  /// Copies a running sandbox, memory and files, into new ones.
  /// - Returns: their addresses, in the order of `children`. All or none.
  func fork(
    _ id: SandboxID, into children: [SandboxID], deadline: Deadline
  ) async throws(RunnerError) -> [SandboxAddress]

  /// Saves a sandbox, which goes on in the state it is in.
  func snapshot(
    _ id: SandboxID, as snapshot: SandboxID, deadline: Deadline
  ) async throws(RunnerError) -> SnapshotInfo

  func restore(
    _ snapshot: SandboxID, as id: SandboxID, deadline: Deadline
  ) async throws(RunnerError) -> SandboxAddress

  func deleteSnapshot(_ snapshot: SandboxID, deadline: Deadline) async throws(RunnerError)

  func usage(of id: SandboxID) async throws(RunnerError) -> SandboxUsage

  func networkProfiles() async -> [NetworkProfile]

  // MARK: Inside

  /// Runs a command and waits for its end, passing on its output as it comes.
  /// - Parameter output: called in order; while it has not returned, the command is held back by its pipe.
  func exec(
    _ id: SandboxID, _ command: ExecRequest, deadline: Deadline,
    output: @escaping @Sendable (ExecOutput) async -> Void
  ) async throws(RunnerError) -> ExecStatus

  /// Starts a command in the background; it lives until it ends, is stopped, or the sandbox ends.
  func startProcess(_ id: SandboxID, _ command: ExecRequest, deadline: Deadline) async throws(RunnerError)
    -> ProcessInfo
  func processes(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) -> [ProcessInfo]
  /// The output so far, and what follows until the process ends if `follow` is set. Bounded: the oldest goes first.
  func logs(
    _ id: SandboxID, process: Int, follow: Bool, deadline: Deadline,
    output: @escaping @Sendable (ExecOutput) async -> Void
  ) async throws(RunnerError)
  /// SIGTERM, and SIGKILL where that has no effect in time.
  func stopProcess(_ id: SandboxID, process: Int, deadline: Deadline) async throws(RunnerError) -> ProcessInfo

  /// - Parameter output: called with the bytes in order.
  func readFile(
    _ id: SandboxID, path: String, deadline: Deadline, output: @escaping @Sendable ([UInt8]) async throws -> Void
  ) async throws(RunnerError)
  /// Makes folders on the way; replaces what is there only when all of it has come.
  /// - Parameter input: the bytes in order, nil at the end.
  func writeFile(
    _ id: SandboxID, path: String, mode: UInt32?, deadline: Deadline,
    input: @escaping @Sendable () async throws -> [UInt8]?
  ) async throws(RunnerError)
  func listFolder(_ id: SandboxID, path: String, deadline: Deadline) async throws(RunnerError) -> [FileInfo]
  func fileInfo(_ id: SandboxID, path: String, deadline: Deadline) async throws(RunnerError) -> FileInfo
  func removeFile(_ id: SandboxID, path: String, recursive: Bool, deadline: Deadline) async throws(RunnerError)
  func renameFile(_ id: SandboxID, from: String, to: String, deadline: Deadline) async throws(RunnerError)
}
