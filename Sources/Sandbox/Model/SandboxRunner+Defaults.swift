// What a runner need not write: every verb that it leaves out is one that it cannot do.

extension SandboxRunner {
  public var reservedPorts: Set<UInt16> { [] }

  public func settled() async {}
  public func reconfigure(_ options: RunnerOptions) async throws(RunnerError) -> [String] { [] }
  public func stop() async {}

  public func create(_ id: SandboxID, _ spec: SandboxSpec, deadline: Deadline) async throws(RunnerError)
    -> SandboxAddress
  {
    throw .unsupported(.create)
  }
  public func destroy(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) -> SandboxUsage {
    throw .unsupported(.create)
  }
  public func pause(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) { throw .unsupported(.pause) }
  public func hibernate(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) {
    throw .unsupported(.hibernate)
  }
  public func resume(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) -> SandboxAddress {
    throw .unsupported(.pause)
  }
  public func fork(
    _ id: SandboxID, into children: [SandboxID], deadline: Deadline
  ) async throws(RunnerError) -> [SandboxAddress] { throw .unsupported(.fork) }
  public func snapshot(
    _ id: SandboxID, as snapshot: SandboxID, deadline: Deadline
  ) async throws(RunnerError) -> SnapshotInfo { throw .unsupported(.snapshot) }
  public func restore(
    _ snapshot: SandboxID, as id: SandboxID, deadline: Deadline
  ) async throws(RunnerError) -> SandboxAddress { throw .unsupported(.snapshot) }
  public func deleteSnapshot(_ snapshot: SandboxID, deadline: Deadline) async throws(RunnerError) {
    throw .unsupported(.snapshot)
  }
  public func usage(of id: SandboxID) async throws(RunnerError) -> SandboxUsage { throw .unsupported(.stats) }
  public func networkProfiles() async -> [NetworkProfile] { [] }

  public func exec(
    _ id: SandboxID, _ command: ExecRequest, deadline: Deadline,
    output: @escaping @Sendable (ExecOutput) async -> Void
  ) async throws(RunnerError) -> ExecStatus { throw .unsupported(.exec) }
  public func startProcess(
    _ id: SandboxID, _ command: ExecRequest, deadline: Deadline
  ) async throws(RunnerError) -> ProcessInfo { throw .unsupported(.exec) }
  public func processes(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) -> [ProcessInfo] {
    throw .unsupported(.exec)
  }
  public func logs(
    _ id: SandboxID, process: Int, follow: Bool, deadline: Deadline,
    output: @escaping @Sendable (ExecOutput) async -> Void
  ) async throws(RunnerError) { throw .unsupported(.exec) }
  public func stopProcess(_ id: SandboxID, process: Int, deadline: Deadline) async throws(RunnerError) -> ProcessInfo {
    throw .unsupported(.exec)
  }

  public func readFile(
    _ id: SandboxID, path: String, deadline: Deadline, output: @escaping @Sendable ([UInt8]) async throws -> Void
  ) async throws(RunnerError) { throw .unsupported(.files) }
  public func writeFile(
    _ id: SandboxID, path: String, mode: UInt32?, deadline: Deadline,
    input: @escaping @Sendable () async throws -> [UInt8]?
  ) async throws(RunnerError) { throw .unsupported(.files) }
  public func listFolder(_ id: SandboxID, path: String, deadline: Deadline) async throws(RunnerError) -> [FileInfo] {
    throw .unsupported(.files)
  }
  public func fileInfo(_ id: SandboxID, path: String, deadline: Deadline) async throws(RunnerError) -> FileInfo {
    throw .unsupported(.files)
  }
  public func removeFile(_ id: SandboxID, path: String, recursive: Bool, deadline: Deadline) async throws(RunnerError) {
    throw .unsupported(.files)
  }
  public func renameFile(_ id: SandboxID, from: String, to: String, deadline: Deadline) async throws(RunnerError) {
    throw .unsupported(.files)
  }
}
