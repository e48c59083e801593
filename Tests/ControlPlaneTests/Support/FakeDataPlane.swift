import Auth
import Loop
import Router
import Sandbox

@testable import ControlPlane

/// Workers that do nothing but take what they are told.
@ControlLoop
final class FakeDataPlane: DataPlane {
  private(set) var table = RouteTable(domains: ["p.test"])
  private(set) var keys: [CredentialKeys] = []
  private(set) var answers: [(redemption: Redemption, granted: Bool)] = []
  /// What was published, in order.
  private(set) var published: [(changes: [RouteChange], touched: [SandboxID])] = []
  /// As published last.
  private(set) var records: [SandboxID: SandboxRecord] = [:]
  /// States of each sandbox in the order in which they were published.
  private(set) var states: [SandboxID: [SandboxState]] = [:]

  func publish(_ changes: [RouteChange], touched: [SandboxID]) {
    published.append((changes, touched))
    table = table.applying(changes)
    for change in changes {
      switch change {
      case .putSandbox(var record):
        // As the table does it: 0 keeps what is there.
        if record.generation == 0 { record.generation = records[record.id]?.generation ?? Generation.next() }
        records[record.id] = record
        if states[record.id]?.last != record.state { states[record.id, default: []].append(record.state) }
      case .removeSandbox(let id):
        records[id] = nil
      default: break
      }
    }
  }

  func publish(_ keys: CredentialKeys) { self.keys.append(keys) }
  func answer(_ redemption: Redemption, granted: Bool) { answers.append((redemption, granted)) }
}
