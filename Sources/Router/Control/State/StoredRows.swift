internal import Auth
internal import Router
internal import Sandbox
internal import Store

// What the rows of the store mean to the control plane.

extension StoredSandbox {
  /// Stands for the image of a sandbox that Porthole did not make. No image may be called so.
  static let listedImage = "-"

  /// Somebody else started it and a runner listed it.
  var isListed: Bool { spec.image == StoredSandbox.listedImage }

  /// It was listed once and is not any more. It may come back under the same id, so it has not ended.
  var isUnlisted: Bool { isListed && state == .failed }

  /// Keeps the account of the time in `running`.
  mutating func enter(_ state: SandboxState, nowMs: UInt64, reason: String? = nil) {
    if let since = runningSinceMs, state != .running {
      ranMs += nowMs > since ? nowMs - since : 0
      runningSinceMs = nil
    }
    if state == .running, runningSinceMs == nil { runningSinceMs = nowMs }
    if state == .terminated, endedAtMs == nil { endedAtMs = nowMs }
    if state == .terminated || state == .hibernated { address = .none }
    self.state = state
    self.reason = reason
  }

  /// Milliseconds in `running`, as the runner counted them or else as we did.
  func uptimeMs(nowMs: UInt64) -> UInt64 {
    if let counted = usage.uptimeMs, endedAtMs != nil { return counted }
    guard let since = runningSinceMs, nowMs > since else { return ranMs }
    return ranMs + nowMs - since
  }
}

extension SandboxCredential {
  /// A new token's; the token itself is derived when it is shown.
  static func make(for sandbox: SandboxID, _ keys: CredentialKeys) -> SandboxCredential {
    let epoch = SecureRandom.nonzero()
    return SandboxCredential(tokenHash: SHA256.hash(keys.token(sandbox: sandbox.text, epoch: epoch)), epoch: epoch)
  }
}

extension StoredExposure {
  /// The configuration exposed it, not the API: such rows have no time of their own.
  var isConfigured: Bool { createdAtMs == 0 }

  func isOver(_ nowMs: UInt64) -> Bool { exposure.expiresAtMs.map { $0 <= nowMs } ?? false }
}

extension StoredLink {
  func isOver(_ nowMs: UInt64) -> Bool { link.expiresAtMs <= nowMs }
}

extension StoreTransaction {
  /// What workers are to know of a sandbox.
  func route(
    _ row: StoredSandbox, generation: UInt64, nowMs: UInt64, reservedPorts: Set<UInt16>
  ) throws -> RouteChange {
    if row.isUnlisted { return .removeSandbox(row.id) }
    return .putSandbox(
      row.record(
        exposures: row.endedAtMs == nil ? try livingExposures(row.id, nowMs: nowMs) : [], generation: generation,
        reservedPorts: reservedPorts))
  }

  private func livingExposures(_ id: SandboxID, nowMs: UInt64) throws -> [Exposure] {
    try exposures(id).filter { !$0.isOver(nowMs) }.map { stored in
      var exposure = stored.exposure
      if exposure.auth == .token {
        exposure.links = try links(id, port: exposure.port).filter { !$0.isOver(nowMs) }.map(\.link)
      }
      return exposure
    }
  }

  /// A sandbox's row, or the problem that there is none.
  func existing(_ id: SandboxID) throws -> StoredSandbox {
    guard let row = try sandbox(id) else { throw Problem.noSandbox(id.text) }
    return row
  }
}

extension StoredSandbox {
  func record(exposures: [Exposure], generation: UInt64, reservedPorts: Set<UInt16>) -> SandboxRecord {
    guard endedAtMs == nil else {
      return SandboxRecord(id: id, generation: generation, state: .terminated, address: .none, ingress: ingress)
    }
    return SandboxRecord(
      id: id, generation: generation, state: state, address: address, ingress: ingress, exposures: exposures,
      credential: credential, reservedPorts: reservedPorts)
  }
}
