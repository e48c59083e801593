internal import Auth
internal import Loop
internal import Router
internal import Sandbox
internal import Store

extension ControlPlane {
  /// Brings everything to where it was: what the store knows is compared with what the runner finds, and the workers get
  /// their first routes.
  ///
  /// - Returns: the text of the first API key, where there was none yet. It is kept nowhere: show it.
  /// - Throws: `StoreError`, `RunnerError`: Porthole can't start then.
  public func start() async throws -> String? {
    keys = try store.loadKeys(nowMs: nowMs)
    try rotateKeysIfDue()
    dataPlane.publish(credentialKeys)
    let firstKey = try await loadAPIKeys()

    let (events, continuation) = AsyncStream<RunnerNews>.makeStream()
    runnerNews = continuation
    let listed = try await runner.start { continuation.yield(.event($0)) }
    try await list(listed, publishing: false)
    try await reconcile()
    await runner.settled()
    Task { [weak self] in
      for await news in events {
        switch news {
        case .event(let event): await self?.take(event)
        case .mark(let wait): wait.end()
        }
      }
    }

    try await loadExpiries()
    armIdle()
    everySecond()
    everyMinute()
    return firstKey
  }

  /// Nothing is begun any more, and feeds end. What runners do goes on.
  public func stop() async {
    isStopping = true
    feed.stop()
    await writeNoticed()
    await runner.stop()
  }

  /// Returns when everything that the runner has told so far is done.
  public func settled() async {
    let wait = Wait()
    runnerNews?.yield(.mark(wait))
    await wait.ended()
  }

  private func loadAPIKeys() async throws -> String? {
    let known = try await read { try $0.apiKeys() }
    apiKeys.load(known)
    guard known.isEmpty else { return nil }
    let (key, epoch) = APIKeys.make(name: "first", nowMs: nowMs, credentialKeys)
    try await store.write { try $0.insert(key) }
    apiKeys.put(key)
    return APIKeys.text(id: key.id, epoch: epoch, credentialKeys)
  }

  // MARK: What became of them

  private func reconcile() async throws {
    var reconciling = Reconciling(runner: runner, nowMs: nowMs)
    try store.forEachSandbox(nowMs: nowMs) { row, exposures in
      reconciling.take(row, exposures)
      // A million records at once would be more memory than their routes.
      if reconciling.changes.count >= 4_096 { dataPlane.publish(reconciling.takeChanges(), touched: []) }
    }
    dataPlane.publish(reconciling.takeChanges(), touched: [])
    try await write(reconciling.corrections)
    for row in reconciling.timed { idle.follow(row, nowMs: nowMs) }
    for (row, machine) in reconciling.ending {
      let life = Life(row.id, machine)
      life.row = row
      life.cause = .start
      life.reason = "it was interrupted"
      lives[row.id] = life
      drive(life, .destroy)
    }
  }

  private func write(_ corrections: [Reconciling.Correction]) async throws {
    for start in stride(from: 0, to: corrections.count, by: 500) {
      let (part, nowMs) = (Array(corrections[start..<min(start + 500, corrections.count)]), nowMs)
      let events = try await store.write { tx in
        try part.reduce(0) { try $0 + tx.write($1, nowMs: nowMs) }
      }
      counted.events += UInt64(events)
    }
  }
}

/// What the runner tells, and marks in between that somebody waits for.
enum RunnerNews: Sendable {
  case event(RunnerEvent)
  case mark(Wait)
}

/// Compares the store with the runner, sandbox by sandbox. It keeps what is different, and the routes.
private struct Reconciling {
  struct Correction: Sendable {
    let id: SandboxID
    let state: SandboxState
    let address: SandboxAddress
    let reason: String?
    /// What the runner said, where the sandbox is gone.
    let said: String?

    func apply(to row: inout StoredSandbox, nowMs: UInt64) {
      row.enter(state, nowMs: nowMs, reason: reason)
      row.address = state == .terminated || state == .hibernated ? .none : address
      if row.endedAtMs != nil { row.credential = nil }
    }
  }

  private let runner: any SandboxRunner
  private let nowMs: UInt64
  private let reservedPorts: Set<UInt16>
  var changes: [RouteChange] = []
  var corrections: [Correction] = []
  /// Running ones with an idle timeout.
  var timed: [StoredSandbox] = []
  /// Whose end was begun, or whose beginning was never told anybody.
  var ending: [(StoredSandbox, SandboxLifecycle)] = []

  init(runner: any SandboxRunner, nowMs: UInt64) {
    self.runner = runner
    self.nowMs = nowMs
    reservedPorts = runner.reservedPorts
  }

  mutating func takeChanges() -> [RouteChange] {
    defer { changes.removeAll(keepingCapacity: true) }
    return changes
  }

  mutating func take(_ known: StoredSandbox, _ exposures: [Exposure]) {
    var row = known
    if row.endedAtMs == nil {
      let finding = runner.find(KnownSandbox(row))
      let (machine, answer) = SandboxLifecycle.adopted(was: row.state, found: finding)
      if let correction = correction(of: row, finding, machine.state) {
        correction.apply(to: &row, nowMs: nowMs)
        corrections.append(correction)
      }
      if answer == .start(.destroy) { ending.append((row, machine)) }
      if row.state == .running, row.timeoutSec != nil { timed.append(row) }
    }
    if row.isUnlisted { return }
    let living = row.endedAtMs == nil ? exposures.filter { $0.expiresAtMs.map { $0 > nowMs } ?? true } : []
    changes.append(.putSandbox(row.record(exposures: living, generation: 0, reservedPorts: reservedPorts)))
  }

  private func correction(
    of row: StoredSandbox, _ finding: RunnerFinding, _ state: SandboxState
  ) -> Correction? {
    var (state, reason, address, said) = (state, row.reason, row.address, String?.none)
    switch finding {
    case .running(let found), .paused(let found): address = found
    case .hibernated: address = .none
    case .gone(let text): said = text
    }
    if said != nil {
      // Its operator may list it again; it has not ended.
      if row.isListed { state = .failed }
      reason = row.isListed ? "it is not listed any more" : row.state == .terminating ? nil : "lost"
    } else if state == .terminating, row.state == .creating {
      reason = "it was interrupted while it was being made"
    }
    if state == row.state, address == row.address || said != nil { return nil }
    return Correction(id: row.id, state: state, address: address, reason: reason, said: said)
  }
}

extension StoreTransaction {
  /// Returns how many events it wrote.
  fileprivate func write(_ correction: Reconciling.Correction, nowMs: UInt64) throws -> Int {
    guard let row = try sandbox(correction.id) else { return 0 }
    var change = SandboxChange(tx: self, nowMs: nowMs, row: row)
    correction.apply(to: &change.row, nowMs: nowMs)
    if change.row.endedAtMs != nil {
      try change.end()
      try change.event(
        .destroyed,
        .members(["reason": correction.reason.map { .string($0) }, "detail": correction.said.map { .string($0) }]))
    }
    try update(change.row)
    return change.eventCount
  }
}
