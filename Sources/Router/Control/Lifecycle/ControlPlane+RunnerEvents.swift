internal import Auth
internal import Router
internal import Sandbox
internal import Store
internal import Telemetry

extension ControlPlane {
  func take(_ event: RunnerEvent) async {
    do {
      switch event {
      case .listed(let listed): try await list([listed], publishing: true)
      case .unlisted(let id): try await unlist(id)
      case .ended(let id, let reason): try await happened(.ended, to: id, reason)
      case .failed(let id, let reason): try await happened(.lost, to: id, reason)
      case .moved(let id, let address): try await moved(id, address)
      case .portOpened(let id, let port): try await noteEvent(.portOpened, id, port)
      case .portClosed(let id, let port): try await noteEvent(.portClosed, id, port)
      }
    } catch let problem as Problem where problem.status == 404 {
      logger?.debug("a runner told of a sandbox that is not known")
    } catch {
      logger?.error("what a runner told could not be written down", ["reason": "\(error)"])
    }
  }

  private func happened(_ event: SandboxLifecycle.Event, to id: SandboxID, _ reason: String) async throws {
    let life = try await life(of: id)
    let before = life.machine.state
    life.reason = reason
    _ = life.machine.take(event)
    let after = life.machine.state
    guard before != after else { return release(life) }
    try await write(life) { change in
      switch after {
      case .terminated: try change.event(.destroyed, ["reason": .string(reason)])
      default: try change.event(.failed, ["reason": .string(reason)])
      }
    }
    if let row = life.row { idle.follow(row, nowMs: nowMs) }
    release(life)
  }

  private func moved(_ id: SandboxID, _ address: SandboxAddress) async throws {
    try await change(id) { change in
      change.row.address = address
      change.publication = .freshGeneration
    }
  }

  private func noteEvent(_ type: EventType, _ id: SandboxID, _ port: UInt16) async throws {
    try await change(id) { change in
      change.publication = .nothing
      try change.event(type, port: port)
    }
  }

  private func unlist(_ id: SandboxID) async throws {
    try await change(id) { change in
      guard change.row.isListed else {
        change.publication = .nothing
        return
      }
      change.row.enter(.failed, nowMs: change.nowMs, reason: "it is not listed any more")
    }
  }

  // MARK: Sandboxes that exist without our doing

  /// Gives each a row, for what the API adds to it, and its configured exposures theirs.
  func list(_ all: [ListedSandbox], publishing: Bool) async throws {
    for start in stride(from: 0, to: all.count, by: 500) {
      let part = all[start..<min(start + 500, all.count)]
      for listed in part { await lanes.enter(listed.id) }
      defer { for listed in part { lanes.leave(listed.id) } }
      let (nowMs, reservedPorts, keys) = (nowMs, runner.reservedPorts, credentialKeys)
      let refused = try await commit { tx in
        var changes: [CommittedChange] = []
        var refused: [SandboxID] = []
        for listed in part {
          guard let change = try tx.list(listed, nowMs: nowMs, keys) else {
            refused.append(listed.id)
            continue
          }
          if publishing { changes.append(try change.finish(from: change.row, reservedPorts: reservedPorts)) }
        }
        return (refused, changes)
      }
      for id in refused {
        logger?.error("a listed sandbox has the id of another, which stays what it is", ["sandbox": id.text])
      }
    }
  }
}

extension StoreTransaction {
  /// Nil where the id belongs to a sandbox that Porthole made, living or ended.
  fileprivate func list(_ listed: ListedSandbox, nowMs: UInt64, _ keys: CredentialKeys) throws -> SandboxChange? {
    let known = try sandbox(listed.id)
    if let known, !known.isListed { return nil }
    var row =
      known
      ?? StoredSandbox(
        id: listed.id, spec: SandboxSpec(image: StoredSandbox.listedImage),
        credential: .make(for: listed.id, keys), createdAtMs: nowMs)
    let before = row
    row.ingress = listed.ingress
    row.address = listed.address
    if row.state != .running { row.enter(.running, nowMs: nowMs) }
    if row.credential == nil { row.credential = .make(for: listed.id, keys) }
    if known == nil { try insert(row) } else if row != before { try update(row) }
    var change = SandboxChange(tx: self, nowMs: nowMs, row: row)
    try configure(listed.exposures, of: listed.id, nowMs: nowMs)
    let isSame = known != nil && before.address == row.address && before.state == .running
    change.publication = isSame ? .sameGeneration : .freshGeneration
    return change
  }

  /// Brings the rows of configured exposures to what is configured now, which wins over what the API exposed.
  private func configure(_ wanted: [Exposure], of id: SandboxID, nowMs: UInt64) throws {
    let known = try exposures(id)
    for stored in known where stored.isConfigured && !wanted.contains(where: { $0.port == stored.exposure.port }) {
      _ = try removeExposure(id, port: stored.exposure.port)
    }
    for var exposure in wanted {
      let before = known.first { $0.exposure.port == exposure.port }
      if let before, before.isConfigured {
        exposure.nonce = before.exposure.nonce
        if exposure == before.exposure { continue }
        var changed = before
        changed.exposure = exposure
        try update(changed)
      } else {
        if before != nil { _ = try removeExposure(id, port: exposure.port) }
        exposure.nonce = SecureRandom.nonzero()
        // No time of creation: that is what tells them from the API's.
        try insert(StoredExposure(sandbox: id, exposure: exposure, createdAtMs: 0))
      }
    }
  }
}
