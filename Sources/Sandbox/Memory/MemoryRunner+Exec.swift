public import Sandbox

extension MemoryRunner {
  /// How long a process may take to end politely.
  private static let patience = Duration.milliseconds(300)

  public func exec(
    _ id: SandboxID, _ command: ExecRequest, deadline: Deadline,
    output: @escaping @Sendable (ExecOutput) async -> Void
  ) async throws(RunnerError) -> ExecStatus {
    let sandbox = try running(id)
    try await host.hinder(.exec, sandbox, deadline)
    let job = try sandbox.begin(command.command, isProcess: false)
    do {
      let status = try await withDeadline(deadline) { () throws(RunnerError) in
        var shell = try MemoryShell(sandbox, command, job, output: output)
        return try await shell.run(command.command)
      }
      sandbox.ended(job, status)
      return status
    } catch {
      job.send(9)
      sandbox.ended(job, .signalled(9))
      throw error
    }
  }

  public func startProcess(
    _ id: SandboxID, _ command: ExecRequest, deadline: Deadline
  ) async throws(RunnerError) -> ProcessInfo {
    let sandbox = try running(id)
    try await host.hinder(.exec, sandbox, deadline)
    let job = try sandbox.begin(command.command, isProcess: true)
    let shell: MemoryShell
    do {
      shell = try MemoryShell(sandbox, command, job) { job.log($0) }
    } catch {
      sandbox.ended(job, .exited(1))
      sandbox.forget(job)
      throw error
    }
    let info = job.info
    Task {
      var shell = shell
      let status = try? await shell.run(command.command)
      sandbox.ended(job, status ?? .signalled(9))
    }
    return info
  }

  public func processes(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) -> [ProcessInfo] {
    if deadline.hasPassed { throw .timedOut }
    return try running(id).processes.map(\.info)
  }

  public func logs(
    _ id: SandboxID, process: Int, follow: Bool, deadline: Deadline,
    output: @escaping @Sendable (ExecOutput) async -> Void
  ) async throws(RunnerError) {
    let job = try running(id).process(process)
    try await withDeadline(deadline) { () throws(RunnerError) in
      var index = 0
      while !Task.isCancelled {
        let log = job.log(from: index)
        index = log.next
        for piece in log.pieces where !Task.isCancelled { await output(piece) }
        if !follow || (log.isOver && log.pieces.isEmpty) { return }
        if log.pieces.isEmpty { try? await Task.sleep(for: .milliseconds(5)) }
      }
    }
  }

  public func stopProcess(_ id: SandboxID, process: Int, deadline: Deadline) async throws(RunnerError) -> ProcessInfo {
    let job = try running(id).process(process)
    return try await withDeadline(deadline) { () throws(RunnerError) in
      let impatient = ContinuousClock.now + MemoryRunner.patience
      job.send(15)
      while job.status == nil, !Task.isCancelled {
        if ContinuousClock.now > impatient { job.send(9) }
        try? await Task.sleep(for: .milliseconds(2))
      }
      return job.info
    }
  }
}
