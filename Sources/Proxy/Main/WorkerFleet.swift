import Auth
import ControlPlane
import Loop
import Router
import Sandbox

/// The workers as the control plane sees them: one table that all of them are given, and the way their reports come back.
@ControlLoop
final class WorkerFleet: DataPlane {
  private(set) var table: RouteTable
  private var workers: [WorkerThread] = []
  /// Tables that workers may still hold. Whoever lets go of a table last frees what was replaced in it; after a large
  /// change that is work for this thread.
  private var retired: [RouteTable] = []

  private var keys: CredentialKeys?

  init(_ table: RouteTable) { self.table = table }

  /// From now on they are told of every change; first of all, how things stand.
  func employ(_ workers: [WorkerThread]) {
    self.workers = workers
    for worker in workers {
      worker.send(.table(table, touched: []))
      if let keys { worker.send(.keys(keys)) }
    }
  }

  func publish(_ changes: [RouteChange], touched: [SandboxID]) {
    if changes.isEmpty && touched.isEmpty { return }
    replace(table.applying(changes), touched: touched)
  }

  /// The next table, made by somebody who knows more than changes: a reload of the domains.
  func replace(_ next: RouteTable, touched: [SandboxID]) {
    // Nobody else has it before there are workers.
    if !workers.isEmpty { retired.append(table) }
    if retired.count > 64 { retired.removeFirst(32) }
    table = next
    for worker in workers { worker.send(.table(next, touched: touched)) }
  }

  func publish(_ keys: CredentialKeys) {
    self.keys = keys
    for worker in workers { worker.send(.keys(keys)) }
  }

  func answer(_ redemption: Redemption, granted: Bool) {
    guard workers.indices.contains(redemption.worker) else { return }
    workers[redemption.worker].send(.redeemed(ticket: redemption.ticket, granted: granted))
  }
}
