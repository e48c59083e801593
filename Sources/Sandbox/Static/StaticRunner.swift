public import Sandbox
internal import Synchronization

/// Sandboxes that somebody else started, listed in the configuration. They are always running: this runner can neither
/// start nor stop them, and claims no capability.
public final class StaticRunner: SandboxRunner {
  /// Only reloads write and only the control side reads; the data plane has its own snapshot.
  private let records: Mutex<[SandboxID: SandboxRecord]>

  /// The configuration refuses an id that is listed twice; here the last one counts.
  public init(_ sandboxes: [StaticSandbox]) {
    var records: [SandboxID: SandboxRecord] = [:]
    for sandbox in sandboxes { records[sandbox.id] = SandboxRecord(starting: sandbox) }
    self.records = Mutex(records)
  }

  public var kind: String { "static" }
  public var capabilities: Set<RunnerCapability> { [] }

  public func start(
    events: @escaping @Sendable (RunnerEvent) -> Void
  ) async throws(RunnerError) -> [ListedSandbox] {
    records.withLock { records in
      records.values.map {
        ListedSandbox(id: $0.id, address: $0.address, ingress: $0.ingress, exposures: $0.exposures)
      }
    }
  }

  public func find(_ known: KnownSandbox) -> RunnerFinding {
    guard let record = records.withLock({ $0[known.id] }) else { return .gone(reason: "it is not in the list") }
    return .running(record.address)
  }

  /// Every sandbox there is now, in no order. A record is a value: later changes do not reach it.
  public func sandboxes() -> [SandboxRecord] {
    records.withLock { Array($0.values) }
  }

  /// Takes a newly loaded list and says what is different, in the order of the ids, so that logs read the same.
  public func reload(_ sandboxes: [StaticSandbox]) -> SandboxDifference {
    var wanted: [SandboxID: StaticSandbox] = [:]
    for sandbox in sandboxes { wanted[sandbox.id] = sandbox }

    return records.withLock { records in
      var difference = SandboxDifference()
      for (id, sandbox) in wanted.sorted(by: { $0.key.text < $1.key.text }) {
        let known = records[id]
        if let known, known.isAs(sandbox) { continue }
        let record = SandboxRecord(starting: sandbox)
        records[id] = record
        if known == nil { difference.added.append(record) } else { difference.changed.append(record) }
      }
      difference.removed = records.keys.filter { wanted[$0] == nil }.sorted { $0.text < $1.text }
      for id in difference.removed { records[id] = nil }
      return difference
    }
  }
}

extension SandboxRecord {
  fileprivate init(starting sandbox: StaticSandbox) {
    self.init(
      id: sandbox.id, generation: Generation.next(), state: .running, address: .ip(sandbox.address),
      ingress: sandbox.ingress, exposures: sandbox.exposuresByPort)
  }

  fileprivate func isAs(_ sandbox: StaticSandbox) -> Bool {
    address == .ip(sandbox.address) && ingress == sandbox.ingress && exposures == sandbox.exposuresByPort
  }
}

extension StaticSandbox {
  /// Moving a line in the configuration is no change.
  fileprivate var exposuresByPort: [Exposure] { exposures.sorted { $0.port < $1.port } }
}
