public import Sandbox

// The verbs of a sandbox's life. Each waits first, as long as it was told to, and then does its work at once: whatever
// comes in between leaves nothing half done.

extension MemoryRunner {
  public func create(
    _ id: SandboxID, _ spec: SandboxSpec, deadline: Deadline
  ) async throws(RunnerError) -> SandboxAddress {
    if spec.image.isEmpty || spec.image.hasPrefix("missing") {
      throw .invalid(
        field: "image", "there is no image \"\(spec.image)\"; any name will do that does not begin with missing")
    }
    if let name = spec.networkProfile, !(await networkProfiles()).contains(where: { $0.name == name }) {
      throw .invalid(field: "networkProfile", "there is no network profile \"\(name)\"; expected default or none")
    }
    let wishes = try MemoryWishes(spec.env)
    try mustBeNew([id])
    try await hinder(.create, wishes, deadline)
    return try add([(id, spec, wishes, freshContents(wishes))])[0]
  }

  public func destroy(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) -> SandboxUsage {
    guard let sandbox = sandbox(id) else {
      if deadline.hasPassed { throw .timedOut }
      return SandboxUsage()
    }
    try await host.hinder(.destroy, sandbox, deadline)
    sandbox.end()
    state.withLock { $0.sandboxes[id] = nil }
    return sandbox.usage
  }

  public func pause(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) {
    let sandbox = try found(id)
    try await host.hinder(.pause, sandbox, deadline)
    try sandbox.pause()
  }

  public func hibernate(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) {
    let sandbox = try found(id)
    try await host.hinder(.hibernate, sandbox, deadline)
    try sandbox.hibernate()
  }

  public func resume(_ id: SandboxID, deadline: Deadline) async throws(RunnerError) -> SandboxAddress {
    let sandbox = try found(id)
    try await host.hinder(.resume, sandbox, deadline)
    return try sandbox.run()
  }

  public func fork(
    _ id: SandboxID, into children: [SandboxID], deadline: Deadline
  ) async throws(RunnerError) -> [SandboxAddress] {
    let sandbox = try running(id)
    try mustBeNew(children)
    try await host.hinder(.fork, sandbox, deadline)
    try sandbox.mustRun()
    let (spec, contents) = (sandbox.spec, sandbox.contents)
    let wishes = try MemoryWishes(spec.env)
    return try add(children.map { ($0, spec, wishes, contents) })
  }

  public func snapshot(
    _ id: SandboxID, as snapshot: SandboxID, deadline: Deadline
  ) async throws(RunnerError) -> SnapshotInfo {
    let sandbox = try found(id)
    try await host.hinder(.snapshot, sandbox, deadline)
    let phase = sandbox.phase
    if phase == .failed || phase == .ended { throw .conflict("the sandbox is \(phase.rawValue)") }
    let saved = Snapshot(spec: sandbox.spec, contents: sandbox.contents)
    try state.withLock { state throws(RunnerError) in
      if state.snapshots[snapshot] != nil { throw .conflict("there is a snapshot \(snapshot) already") }
      state.snapshots[snapshot] = saved
    }
    return SnapshotInfo(sizeBytes: UInt64(4096 + saved.contents.files.bytesUsed), spec: saved.spec)
  }

  public func restore(
    _ snapshot: SandboxID, as id: SandboxID, deadline: Deadline
  ) async throws(RunnerError) -> SandboxAddress {
    let saved = try found(snapshot: snapshot)
    let wishes = try MemoryWishes(saved.spec.env)
    try mustBeNew([id])
    try await hinder(.restore, wishes, deadline)
    return try add([(id, saved.spec, wishes, saved.contents)])[0]
  }

  public func deleteSnapshot(_ snapshot: SandboxID, deadline: Deadline) async throws(RunnerError) {
    if deadline.hasPassed { throw .timedOut }
    _ = try found(snapshot: snapshot)
    state.withLock { $0.snapshots[snapshot] = nil }
  }

  public func usage(of id: SandboxID) async throws(RunnerError) -> SandboxUsage { try found(id).usage }

  // MARK: Making

  private func found(snapshot id: SandboxID) throws(RunnerError) -> Snapshot {
    guard let snapshot = state.withLock({ $0.snapshots[id] }) else { throw .notFound("there is no snapshot \(id)") }
    return snapshot
  }

  /// For a sandbox that is not there yet.
  private func hinder(_ verb: MemoryVerb, _ wishes: MemoryWishes, _ deadline: Deadline) async throws(RunnerError) {
    try await host.hinder(verb, deadline, delayMs: wishes.faults.delaysMs[verb]) { dice in
      var faults = wishes.faults
      return faults.fails(verb, dice: &dice)
    }
  }

  private func mustBeNew(_ ids: [SandboxID]) throws(RunnerError) {
    let max = host.options.sandboxesMax
    try state.withLock { state throws(RunnerError) in
      if let taken = ids.first(where: { state.has($0) }) { throw .conflict("there is a sandbox \(taken) already") }
      if state.count + ids.count > max { throw .exhausted("this runner has room for \(max) sandboxes") }
    }
    if Set(ids).count < ids.count { throw .conflict("an id is given twice") }
  }

  private typealias Plan = (id: SandboxID, spec: SandboxSpec, wishes: MemoryWishes, contents: MemorySandbox.Contents)

  /// Makes all of them or none.
  private func add(_ plans: [Plan]) throws(RunnerError) -> [SandboxAddress] {
    var made: [MemorySandbox] = []
    do {
      for plan in plans {
        let address = try host.takeAddress(plan.id)
        made.append(
          MemorySandbox(
            plan.id, plan.spec, plan.wishes, host: host, phase: .running, address: address, contents: plan.contents))
      }
      try mustBeNew(plans.map(\.id))
      let fresh = made
      state.withLock { state in for sandbox in fresh { state.sandboxes[sandbox.id] = sandbox } }
      for sandbox in made { try sandbox.openPorts() }
    } catch {
      for sandbox in made {
        sandbox.end()
        state.withLock { state in
          if state.sandboxes[sandbox.id] === sandbox { state.sandboxes[sandbox.id] = nil }
        }
      }
      throw error
    }
    return made.map(\.address)
  }
}
