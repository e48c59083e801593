internal import Sandbox
internal import Synchronization

// How a sandbox comes to run, to rest and to its end.

extension MemorySandbox {
  /// It runs from now on; its ports listen at once or after the delay.
  /// - Throws: `.conflict` after its end; `.failed` where a port cannot be listened on.
  func run() throws(RunnerError) -> SandboxAddress {
    let (turn, address) = try state.withLock { state throws(RunnerError) in
      switch state.phase {
      case .running: return (nil as Int?, state.address)
      case .ended: throw .notFound("there is no sandbox \(id)")
      case .paused, .hibernated: break
      case .failed:
        state.contents.boots += 1
        state.contents.memory = 0
      }
      state.enter(.running)
      return (state.turn, state.address)
    }
    if let turn { try openPorts(turn) }
    return address
  }

  /// Opens the ports of a sandbox that was made running.
  func openPorts() throws(RunnerError) { try openPorts(state.withLock { $0.turn }) }

  private func openPorts(_ turn: Int) throws(RunnerError) {
    let delayMs = portDelayMs ?? host.options.portDelayMs
    guard delayMs > 0 else { return try open(nil, turn) }
    Task {
      try await Task.sleep(for: .milliseconds(delayMs))
      // Nobody is left to be told that a port is taken.
      try? self.open(nil, turn)
    }
  }

  /// - Returns: whether anything changed.
  func pause() throws(RunnerError) { try sleep(.paused, from: [.running]) }
  func hibernate() throws(RunnerError) { try sleep(.hibernated, from: [.running, .paused]) }

  private func sleep(_ phase: Phase, from phases: Set<Phase>) throws(RunnerError) {
    let closed = try state.withLock { state throws(RunnerError) in
      if state.phase == phase { return [] as [UInt16] }
      guard phases.contains(state.phase) else { throw .conflict("the sandbox is \(state.phase.rawValue)") }
      state.enter(phase)
      return state.closeAll()
    }
    host.tell(closed.sorted().map { .portClosed(id, port: $0) })
  }

  /// Its end by order or by itself. False where it had come already.
  @discardableResult
  func end() -> Bool { stop(.ended) }

  private func stop(_ phase: Phase) -> Bool {
    let (isNews, jobs, address) = state.withLock { state in
      guard state.phase != .ended, state.phase != phase else { return (false, [MemoryJob](), SandboxAddress.none) }
      state.enter(phase)
      _ = state.closeAll()
      defer { state.jobs = [:] }
      return (true, Array(state.jobs.values), state.address)
    }
    for job in jobs {
      job.send(9)
      job.end(.signalled(9))
    }
    if isNews, phase == .ended { host.giveBack(address) }
    return isNews
  }

  func crash(reason: String) {
    guard stop(.ended) else { return }
    host.forget(id)
    host.tell(.ended(id, reason: reason))
  }

  func panic(reason: String) {
    if stop(.failed) { host.tell(.failed(id, reason: reason)) }
  }

  /// Its ports are found elsewhere from now on, and nowhere else.
  func move() throws(RunnerError) {
    let fresh = try host.moveAddress(id)
    let (old, turn) = state.withLock { state in
      defer { state.address = fresh }
      _ = state.closeAll()
      return (state.address, state.turn)
    }
    host.giveBack(old)
    host.tell(.moved(id, fresh))
    try open(nil, turn)
  }
}
