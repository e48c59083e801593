internal import Loop
internal import Router
internal import Sandbox
internal import Store

extension ControlPlane {
  /// Changes one sandbox: durable when it returns, and known to the workers.
  ///
  /// - Throws: `Problem.noSandbox` where there is none, what `body` throws (then nothing is changed), or the store's.
  func change<T: Sendable>(
    _ id: SandboxID, _ body: @escaping @Sendable (inout SandboxChange) throws -> T
  ) async throws -> T {
    await lanes.enter(id)
    defer { lanes.leave(id) }
    return try await changeInLane(id, body)
  }

  /// As `change`, for a caller that is in the sandbox's lane already.
  func changeInLane<T: Sendable>(
    _ id: SandboxID, _ body: @escaping @Sendable (inout SandboxChange) throws -> T
  ) async throws -> T {
    let (nowMs, reservedPorts) = (nowMs, runner.reservedPorts)
    return try await commit { tx in
      let row = try tx.existing(id)
      var change = SandboxChange(tx: tx, nowMs: nowMs, row: row)
      let value = try body(&change)
      return (value, [try change.finish(from: row, reservedPorts: reservedPorts)])
    }
  }

  /// Writes, then publishes what was written.
  func commit<T: Sendable>(
    _ body: @escaping @Sendable (StoreTransaction) throws -> (T, [CommittedChange])
  ) async throws -> T {
    let (value, changes) = try await store.write(body)
    publish(changes)
    return value
  }

  private func publish(_ changes: [CommittedChange]) {
    let routed = changes.filter { $0.route != nil }
    if !routed.isEmpty { dataPlane.publish(routed.compactMap(\.route), touched: routed.map(\.id)) }
    let events = changes.reduce(0) { $0 + $1.eventCount }
    counted.events += UInt64(events)
    if events > 0 { feed.somethingHappened() }
  }

  /// A new sandbox's row, before a runner hears of it.
  func insert(_ rows: [StoredSandbox]) async throws {
    let (nowMs, reservedPorts) = (nowMs, runner.reservedPorts)
    try await commit { tx in
      let changes = try rows.map { row in
        try tx.insert(row)
        return CommittedChange(
          id: row.id, route: try tx.route(row, generation: 0, nowMs: nowMs, reservedPorts: reservedPorts),
          eventCount: 0)
      }
      return ((), changes)
    }
  }

  func read<T: Sendable>(_ body: @escaping @Sendable (StoreTransaction) throws -> T) async throws -> T {
    try await store.read(body)
  }

  func row(_ id: SandboxID) async throws -> StoredSandbox {
    try await read { try $0.existing(id) }
  }
}
