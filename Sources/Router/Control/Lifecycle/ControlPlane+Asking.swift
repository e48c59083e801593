internal import Sandbox
internal import Store

// Asking for a change of state. However many ask, the runner does one thing at a time for a sandbox, and does it once.

extension ControlPlane {
  /// Brings a sandbox to where the verb leads and returns its row then; at once if it is there already.
  func ask(
    _ ask: SandboxLifecycle.Ask, _ id: SandboxID, cause: Life.Cause = .call
  ) async throws -> StoredSandbox {
    let (_, row) = try await perform(ask, id, cause: cause)
    return row
  }

  /// As `ask`, with all that is known of how it went; nil where there was nothing to do.
  func perform(
    _ ask: SandboxLifecycle.Ask, _ id: SandboxID, cause: Life.Cause, copy: Life.Copy = .none
  ) async throws -> (Settling?, StoredSandbox) {
    while true {
      let life = try await life(of: id)
      if life.isWindingUp, let settling = life.settling {
        await settling.ended()
        continue
      }
      if life.machine.state != .terminated { try require(ask.capabilities) }
      switch life.machine.take(.asked(ask)) {
      case .nothing:
        release(life)
        return (nil, try await row(id))
      case .refused(let refusal):
        release(life)
        throw Problem(refusal, id)
      case .start(let verb):
        life.cause = cause
        life.copy = copy
        drive(life, verb)
      case .wait:
        break
      case .cancelAndWait:
        life.cancel?()
        // What is open to it ends now, not when the runner has come round.
        try await write(life)
      }
      guard let settling = life.settling else { continue }
      await settling.ended()
      return (settling, try await outcome(of: ask, settling, id))
    }
  }

  private func outcome(
    of ask: SandboxLifecycle.Ask, _ settling: Settling, _ id: SandboxID
  ) async throws -> StoredSandbox {
    let row = try await row(id)
    guard let goal = ask.goal else {
      if settling.isCopied { return row }
      throw settling.failure ?? .conflict("the sandbox is \(row.state.rawValue) now")
    }
    if settling.reached.contains(goal) || row.state == goal { return row }
    if let failure = settling.failure { throw failure }
    if row.endedAtMs != nil { throw Problem.ended(id) }
    throw Problem.conflict("the sandbox is \(row.state.rawValue) now; somebody asked for something else meanwhile")
  }

  func require(_ capabilities: [RunnerCapability]) throws(Problem) {
    guard let first = capabilities.first, runner.capabilities.isDisjoint(with: capabilities) else { return }
    throw Problem(RunnerError.unsupported(first))
  }

  /// The life of a sandbox that is in motion, or of one at rest that may be about to move.
  func life(of id: SandboxID) async throws -> Life {
    if let life = lives[id] { return life }
    await lanes.enter(id)
    defer { lanes.leave(id) }
    if let life = lives[id] { return life }
    let row = try await row(id)
    if let life = lives[id] { return life }
    let life = Life(id, Life.resting(row) { runner.find(KnownSandbox($0)) })
    life.row = row
    lives[id] = life
    return life
  }

  /// Forgets a life that does not move. One whose end failed is kept: nothing may be asked of it but that again.
  func release(_ life: Life) {
    guard life.settling == nil, life.machine.verb == nil, life.machine.state != .terminating else { return }
    if lives[life.id] === life { lives[life.id] = nil }
  }
}

extension Problem {
  init(_ refusal: SandboxLifecycle.Refusal, _ id: SandboxID) {
    if case .state(_, .terminated) = refusal {
      self = .ended(id)
    } else {
      self = .conflict(refusal.description)
      if case .busy = refusal { retryAfter = 1 }
    }
  }
}

extension KnownSandbox {
  init(_ row: StoredSandbox) { self.init(id: row.id, state: row.state, spec: row.spec, address: row.address) }
}
