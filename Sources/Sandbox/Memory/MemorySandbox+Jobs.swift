internal import Sandbox
internal import Synchronization

// The commands that run inside.

extension MemorySandbox {
  /// - Parameter isProcess: it goes on by itself, and is listed.
  func begin(_ command: String, isProcess: Bool) throws(RunnerError) -> MemoryJob {
    try state.withLock { state throws(RunnerError) in
      guard state.phase == .running else { throw .conflict("the sandbox is \(state.phase.rawValue)") }
      let job = MemoryJob(pid: state.contents.nextPid, command: command, startedAtMs: nowMs)
      state.contents.nextPid += 1
      state.jobs[job.pid] = job
      if isProcess {
        if state.processes.count >= MemorySandbox.processesMax,
          let oldest = state.processes.values.filter({ $0.status != nil }).map(\.pid).min()
        {
          state.processes[oldest] = nil
        }
        guard state.processes.count < MemorySandbox.processesMax else { throw .exhausted("too many processes run") }
        state.processes[job.pid] = job
      }
      return job
    }
  }

  func ended(_ job: MemoryJob, _ status: ExecStatus) {
    job.end(status)
    state.withLock { _ = $0.jobs.removeValue(forKey: job.pid) }
  }

  /// A process that never began.
  func forget(_ job: MemoryJob) { state.withLock { _ = $0.processes.removeValue(forKey: job.pid) } }

  var processes: [MemoryJob] { state.withLock { $0.processes.values.sorted { $0.pid < $1.pid } } }

  func process(_ pid: Int) throws(RunnerError) -> MemoryJob {
    guard let job = state.withLock({ $0.processes[pid] }) else { throw .notFound("there is no process \(pid)") }
    return job
  }
}
