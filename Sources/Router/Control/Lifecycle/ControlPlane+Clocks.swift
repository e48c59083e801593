internal import Auth
internal import Loop
internal import Sandbox
internal import Store
internal import Telemetry

// What happens because time passes: idle sandboxes, exposures that end, and keys that grow old.

extension ControlPlane {
  // MARK: Idle

  /// Looks when the next timeout may strike.
  func armIdle() {
    guard let atMs = idle.nextLookMs, !isStopping else { return }
    if let (armedMs, alarm) = idleAlarm {
      if armedMs <= atMs { return }
      alarm.cancel()
    }
    let delayMs = atMs > nowMs ? atMs - nowMs : 0
    idleAlarm = (
      atMs,
      clock.after(delayMs) { [weak self] in
        guard let self, !isStopping else { return }
        idleAlarm = nil
        for id in idle.struck(nowMs: nowMs) { strike(id) }
        armIdle()
      }
    )
  }

  private func strike(_ id: SandboxID) {
    Task {
      do {
        let action = try await change(id) { change -> IdleAction? in
          change.publication = .nothing
          guard change.row.state == .running, change.row.timeoutSec != nil else { return nil }
          try change.event(.idle, ["action": .string(change.row.onIdle.rawValue)])
          return change.row.onIdle
        }
        guard let action else { return }
        _ = try await ask(action.ask, id, cause: .idle)
      } catch {
        logger?.warn("an idle sandbox could not be put to rest", ["sandbox": id.text, "reason": "\(error)"])
      }
    }
  }

  // MARK: Exposures that end

  func loadExpiries() async throws {
    let kept = settings.expiriesKept
    let (soonest, isAll) = try await read { tx in
      let all = try tx.expiringExposures()
      let soonest = all.prefix(kept).map {
        ExpiryWatch.Expiry(atMs: $0.expiresAtMs, sandbox: $0.sandbox, port: $0.port)
      }
      return (soonest, all.count <= kept)
    }
    expiries.load(soonest, all: isAll)
    armExpiry()
  }

  func armExpiry() {
    guard let atMs = expiries.nextMs, !isStopping else { return }
    if let (armedMs, alarm) = expiryAlarm {
      if armedMs <= atMs { return }
      alarm.cancel()
    }
    let delayMs = atMs > nowMs ? atMs - nowMs : 0
    expiryAlarm = (
      atMs,
      clock.after(delayMs) { [weak self] in
        guard let self, !isStopping else { return }
        expiryAlarm = nil
        endExpired()
      }
    )
  }

  private func endExpired() {
    let due = expiries.due(nowMs: nowMs)
    armExpiry()
    Task {
      for expiry in due { await end(expiry) }
      if expiries.needsLoading { try? await loadExpiries() }
    }
  }

  private func end(_ expiry: ExpiryWatch.Expiry) async {
    do {
      try await change(expiry.sandbox) { change in
        guard let known = try change.tx.exposure(change.id, port: expiry.port), known.isOver(change.nowMs) else {
          change.publication = .nothing  // It was closed, or exposed anew.
          return
        }
        _ = try change.tx.removeExposure(change.id, port: expiry.port)
        try change.event(.expired, port: expiry.port)
      }
    } catch {
      logger?.error("an exposure could not be ended", ["sandbox": expiry.sandbox.text, "reason": "\(error)"])
      // It opens nothing any more, as every request looks at its end; the row is tried again.
      expiries.add(.init(atMs: nowMs + 10_000, sandbox: expiry.sandbox, port: expiry.port))
      armExpiry()
    }
  }

  // MARK: Every so often

  func everySecond() {
    alarm(after: 1_000) { plane in
      if plane.isStopping { return }
      plane.everySecond()
      plane.unlessBusy(\.isWriting) { await plane.writeNoticed() }
    }
  }

  func everyMinute() {
    alarm(after: 60_000) { plane in
      if plane.isStopping { return }
      plane.everyMinute()
      plane.unlessBusy(\.isTidying) { await plane.tidyUp() }
    }
  }

  /// A slow disk makes these rarer; they never pile up.
  private func unlessBusy(
    _ flag: ReferenceWritableKeyPath<ControlPlane, Bool>, _ work: @escaping @ControlLoop () async -> Void
  ) {
    if self[keyPath: flag] { return }
    self[keyPath: flag] = true
    Task {
      await work()
      self[keyPath: flag] = false
    }
  }

  private func tidyUp() async {
    wakes.forget(nowMs: nowMs)
    let (eventsKept, oldestMs) = (settings.eventsKept, nowMs - min(nowMs, settings.answersKeptMs))
    do {
      try await store.write { tx in
        try tx.trimEvents(keep: eventsKept)
        try tx.forgetAnswers(before: oldestMs)
      }
      try rotateKeysIfDue()
    } catch {
      logger?.error("the store could not be tidied up", ["reason": "\(error)"])
    }
  }

  /// New keys are saved before anything is sealed with them: a crash may forget none that is in use.
  func rotateKeysIfDue() throws {
    let keys = credentialKeys
    guard nowMs >= keys.ring[0].createdAtMs + settings.keyRotationMs else { return }
    let next = keys.rotated(nowMs: nowMs, forgetBeforeMs: nowMs - min(nowMs, settings.keyLifetimeMs))
    try store.save(next)
    self.keys = next
    dataPlane.publish(next)
    logger?.info("sealing keys rotated", ["keys": "\(next.ring.count)"])
  }
}

extension IdleAction {
  fileprivate var ask: SandboxLifecycle.Ask {
    switch self {
    case .destroy: .destroy
    case .pause: .pause
    case .hibernate: .hibernate
    }
  }
}
