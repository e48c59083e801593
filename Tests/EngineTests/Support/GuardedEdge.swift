import Auth
import Bytes
import Foundation
import Router
import Sandbox
import Synchronization
import Telemetry

@testable import ProxyEngine

/// A worker with a control side: keys, a sandbox whose record the test changes, and the reports that come back.
final class GuardedEdge: Sendable {
  let edge: Edge
  let keys = CredentialKeys.random(nowMs: 0)
  let token: String
  let credential: SandboxCredential
  private let record: Mutex<SandboxRecord>
  private let reported = Mutex<[RouteReport]>([])

  init(
    _ exposures: [Exposure], state: SandboxState = .running, _ change: (inout EngineSettings) -> Void = { _ in }
  ) throws {
    edge = try Edge(exposures: [], change)
    token = keys.token(sandbox: "a", epoch: 7)
    credential = SandboxCredential(tokenHash: SHA256.hash(token), epoch: 7)
    record = Mutex(
      SandboxRecord(
        id: SandboxID("a")!, generation: Generation.next(), state: state, address: .ip(IPAddress(v4: 0x7F00_0001)),
        exposures: exposures, credential: credential))
    let keys = keys
    edge.perform { [self] worker in
      worker.apply(keys: keys)
      worker.whenReporting = { [self] report in reported.withLock { $0.append(report) } }
    }
    self.change { _ in }
  }

  /// Changes the sandbox as the control plane would, and waits until the worker has taken it.
  func change(_ body: (inout SandboxRecord) -> Void) {
    let next = record.withLock { record in
      body(&record)
      return record
    }
    edge.perform { $0.apply(table: $0.table.applying([.putSandbox(next)]), touched: [next.id]) }
  }

  /// From the state it is in to running again, under a new generation.
  func resume() {
    change {
      $0.state = .running
      $0.generation = Generation.next()
    }
  }

  var reports: [RouteReport] { reported.withLock { $0 } }

  func wakes() -> Int {
    reports.count { if case .wake = $0 { true } else { false } }
  }

  func cookie(
    port: UInt16, nonce: UInt64, epoch: UInt64 = 7, link: UInt64 = 0, kind: Pass.Kind = .cookie,
    expiresAt: UInt64 = 1 << 39, sandbox: String = "a"
  ) -> String {
    keys.seal(
      Pass(kind: kind, port: port, expiresAt: expiresAt, epoch: epoch, nonce: nonce, link: link), sandbox: sandbox)
  }

  func stop() { edge.stop() }
}
