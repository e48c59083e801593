internal import Router
internal import Sandbox
internal import Store

/// One sandbox within a transaction that changes it: its row, and what else happens to it.
struct SandboxChange {
  enum Publication {
    /// Nothing that workers know has changed.
    case nothing
    /// Connections to the sandbox live on.
    case sameGeneration
    /// They belong to the past: it was started again, or a port is spoken to in another way.
    case freshGeneration
  }

  let tx: StoreTransaction
  let nowMs: UInt64
  /// Written back at the end if it is different.
  var row: StoredSandbox
  var publication = Publication.sameGeneration
  private(set) var eventCount = 0

  init(tx: StoreTransaction, nowMs: UInt64, row: StoredSandbox) {
    self.tx = tx
    self.nowMs = nowMs
    self.row = row
  }

  var id: SandboxID { row.id }

  mutating func event(_ type: EventType, port: UInt16? = nil, _ details: JSONValue = .object([])) throws {
    try tx.append(
      StoredEvent(
        atMs: nowMs, type: type.rawValue, sandbox: row.id, port: port, details: JSONWriter.string(details)))
    eventCount += 1
  }

  /// Remembers an answer together with what it answers for.
  func keep(_ status: Int, _ body: JSONValue, for ticket: IdempotencyTicket?) throws {
    guard let ticket else { return }
    try tx.insert(ticket.answer(status: status, body: body, sandbox: row.id, nowMs: nowMs))
  }

  /// The exposure of a port, unless its time is over.
  func exposure(_ port: UInt16) throws -> StoredExposure? {
    try tx.exposure(row.id, port: port).flatMap { $0.isOver(nowMs) ? nil : $0 }
  }
}

/// What a committed change leaves to be done on the control loop.
struct CommittedChange: Sendable {
  var id: SandboxID
  var route: RouteChange?
  var eventCount: Int
}

extension SandboxChange {
  /// At the end of the transaction, so that the route is of this very state.
  func finish(from original: StoredSandbox, reservedPorts: Set<UInt16>) throws -> CommittedChange {
    if row != original { try tx.update(row) }
    var route: RouteChange?
    switch publication {
    case .nothing: break
    case .sameGeneration: route = try tx.route(row, generation: 0, nowMs: nowMs, reservedPorts: reservedPorts)
    case .freshGeneration:
      route = try tx.route(row, generation: Generation.next(), nowMs: nowMs, reservedPorts: reservedPorts)
    }
    return CommittedChange(id: row.id, route: route, eventCount: eventCount)
  }
}
