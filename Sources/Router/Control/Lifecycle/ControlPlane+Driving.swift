internal import Router
internal import Sandbox
internal import Store
internal import Telemetry

// Seeing a change of state through: what is intended is written and told to the workers first, then the runner is asked,
// then what came of it is written and told.

extension ControlPlane {
  /// Asks the runner for `first`, and for what follows from that, until the sandbox rests. Nobody's leaving stops it.
  @discardableResult
  func drive(_ life: Life, _ first: SandboxLifecycle.Verb) -> Settling {
    let settling = Settling()
    life.settling = settling
    Task {
      var next: SandboxLifecycle.Verb? = first
      while let verb = next { next = await see(verb, through: life) }
      settle(life)
    }
    return settling
  }

  private func settle(_ life: Life) {
    let settling = life.settling
    life.settling = nil
    life.cancel = nil
    if let row = life.row { idle.follow(row, nowMs: nowMs) }
    release(life)
    settling?.end()
    armIdle()
  }

  private func see(
    _ verb: SandboxLifecycle.Verb, through life: Life
  ) async -> SandboxLifecycle.Verb? {
    let result: Result<VerbResult, RunnerError>
    do {
      try await writeIntention(verb, life)
      result = await askRunner(verb, life)
    } catch {
      note(error, life)
      result = .failure(.failed("what was asked could not be written down"))
    }
    let wasEnding = life.machine.state == .terminating && verb != .destroy
    let answer = life.machine.take(result.event)
    if case .failure(let error) = result, !wasEnding {
      counted.runnerFailures += 1
      note(Problem(error), life)
      logger?.warn(
        "a runner's verb failed", ["verb": verb.rawValue, "sandbox": life.id.text, "reason": error.description])
    }
    await writeResult(verb, result, life, wasEnding: wasEnding)
    guard case .start(let next) = answer else { return nil }
    return next
  }

  private func note(_ error: any Error, _ life: Life) {
    guard let settling = life.settling, settling.failure == nil else { return }
    settling.failure = error as? Problem ?? .internalError
  }

  // MARK: Writing

  private func writeIntention(_ verb: SandboxLifecycle.Verb, _ life: Life) async throws {
    if let row = life.unwritten {
      life.unwritten = nil
      try await insert([row])
      life.row = row
    }
    switch verb {
    case .create, .snapshot, .fork: break
    case .pause, .hibernate, .resume, .destroy: try await write(life)
    }
  }

  private func writeResult(
    _ verb: SandboxLifecycle.Verb, _ result: Result<VerbResult, RunnerError>, _ life: Life, wasEnding: Bool
  ) async {
    let note = VerbNote(verb: verb, result: result, cause: life.cause, whenMade: life.whenMade, isMoot: wasEnding)
    if case .success(.snapshot(let info)) = result { life.settling?.snapshot = info }
    if case .success(.addresses(let addresses)) = result { life.settling?.addresses = addresses }
    if case .success = result {
      if verb == .snapshot || verb == .fork { life.settling?.isCopied = true }
      // Also where somebody waits for the next state already.
      if verb == .pause { life.settling?.reached.insert(.paused) }
      if verb == .hibernate { life.settling?.reached.insert(.hibernated) }
    }
    await writeOrLog(life) { try note.write(&$0) }
    if verb == .create { life.whenMade = nil }
  }

  private func writeOrLog(
    _ life: Life, _ also: @escaping @Sendable (inout SandboxChange) throws -> Void = { _ in }
  ) async {
    do {
      try await write(life, also)
    } catch {
      note(error, life)
      logger?.error("a sandbox's state could not be written", ["sandbox": life.id.text, "reason": "\(error)"])
    }
  }

  /// Brings row and routes to the machine's state, whatever that is by the time that the lane is free.
  func write(
    _ life: Life, _ also: @escaping @Sendable (inout SandboxChange) throws -> Void = { _ in }
  ) async throws {
    await lanes.enter(life.id)
    defer { lanes.leave(life.id) }
    let (state, reason) = (life.machine.state, life.reason)
    let row = try await changeInLane(life.id) { change in
      try change.move(to: state, reason: reason, also)
      return change.row
    }
    life.row = row
    life.settling?.reached.insert(state)
  }
}

extension SandboxChange {
  fileprivate mutating func move(
    to state: SandboxState, reason: String?, _ also: (inout SandboxChange) throws -> Void
  ) throws {
    guard row.endedAtMs == nil else {
      publication = .nothing
      return
    }
    let before = row
    if row.state != state { row.enter(state, nowMs: nowMs, reason: reason) }
    try also(&self)
    if row.endedAtMs != nil { try end() }
    if row.state == before.state, row.address == before.address {
      publication = .nothing
    } else if row.state == .running {
      publication = .freshGeneration
    } else {
      publication = .sameGeneration
    }
  }

  /// What an ended sandbox leaves behind is its row alone.
  mutating func end() throws {
    for exposure in try tx.exposures(row.id) { _ = try tx.removeExposure(row.id, port: exposure.exposure.port) }
    row.credential = nil
    row.address = .none
  }
}

/// What a verb's end adds to the row, and the event that it is.
private struct VerbNote: Sendable {
  let verb: SandboxLifecycle.Verb
  let result: Result<VerbResult, RunnerError>
  let cause: Life.Cause
  let whenMade: (@Sendable (inout SandboxChange) throws -> Void)?
  /// Somebody asked for the end meanwhile: how this went is no news.
  let isMoot: Bool

  func write(_ change: inout SandboxChange) throws {
    switch result {
    case .success(let value):
      if case .address(let address) = value, change.row.state == .running { change.row.address = address }
      if case .usage(let usage) = value { change.row.usage = usage }
      try writeSuccess(&change)
    case .failure(let error):
      if isMoot { return }
      change.row.reason = "\(verb.rawValue): \(error.description)"
      try change.event(.failed, ["verb": .string(verb.rawValue), "reason": .string(error.description)])
      if change.row.endedAtMs != nil { try change.event(.destroyed) }
    }
  }

  private func writeSuccess(_ change: inout SandboxChange) throws {
    switch (verb, change.row.state) {
    case (.create, .running):
      change.row.createMs = Int(change.nowMs > change.row.createdAtMs ? change.nowMs - change.row.createdAtMs : 0)
      if let whenMade { try whenMade(&change) } else { try change.event(.created) }
    // It may be on its way to run again, for somebody who waits for that.
    case (.pause, .paused), (.pause, .resuming): try change.event(.paused)
    case (.hibernate, .hibernated), (.hibernate, .resuming): try change.event(.hibernated)
    case (.resume, .running): try change.event(cause == .request ? .woke : .resumed)
    case (.destroy, .terminated): try change.event(.destroyed)
    default: break
    }
  }
}
