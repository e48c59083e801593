internal import Sandbox

// After a restart of Porthole. A runner may have lost everything, but what it says it has must be so.

extension RunnerConformance {
  static let restarts: [Rule] = [
    Rule("what is found after a restart is as it is said to be", [.create]) { bench in
      try await afterRestart(bench, of: .running) { _, _ in }
    },
    Rule("a paused sandbox does not run because of a restart", [.create, .pause]) { bench in
      try await afterRestart(bench, of: .paused) { runner, id in try await runner.pause(id, deadline: bench.ample) }
    },
    Rule("a hibernated sandbox does not run because of a restart", [.create, .hibernate]) { bench in
      try await afterRestart(bench, of: .hibernated) { runner, id in
        try await runner.hibernate(id, deadline: bench.ample)
      }
    },
    Rule("sandboxes that are found after a restart have addresses of their own", [.create]) { bench in
      try await withTwo(bench, states: [.running, .running, .running]) { second, known, findings in
        var addresses: [SandboxAddress] = []
        for finding in findings {
          if case .running(let address) = finding { addresses.append(address) }
        }
        addresses.append(try await second.create().address)
        try expectEqual(Set(addresses).count, addresses.count, "the number of different addresses")
      }
    },
    Rule("a sandbox that was known is no new one after a restart", [.create]) { bench in
      try await withTwo(bench, states: [.running]) { second, known, findings in
        if case .gone = findings[0] { return }
        try await second.expectError(.conflict, from: "create") { () async throws(RunnerError) in
          _ = try await second.runner.create(known[0].id, second.subject.spec, deadline: second.ample)
        }
      }
    },
    Rule("very many known sandboxes are looked through at once") { bench in
      let ids = (0..<1000).map { _ in bench.newID() }
      let took = await bench.timing {
        for id in ids {
          let known = KnownSandbox(id: id, state: .terminated, spec: bench.subject.spec, address: .none)
          if case .gone = bench.runner.find(known) { continue }
        }
      }
      try expect(took < .seconds(2), "a thousand took \(took)")
    },
  ]

  /// A runner with a sandbox in each of `states` stops, and another one takes its place and looks for them.
  private static func withTwo(
    _ bench: Bench, states: [SandboxState],
    rest: (any SandboxRunner, SandboxID) async throws -> Void = { _, _ in },
    _ body: (Bench, [KnownSandbox], [RunnerFinding]) async throws -> Void
  ) async throws {
    let first = try await Bench.start(bench.subject)
    var known: [KnownSandbox] = []
    for state in states {
      let (id, address) = try await first.create()
      try await rest(first.runner, id)
      known.append(KnownSandbox(id: id, state: state, spec: bench.subject.spec, address: address))
    }
    await first.runner.stop()
    let second = try await Bench.start(bench.subject, try await (bench.subject.restart ?? bench.subject.make)())
    let findings = known.map { second.runner.find($0) }
    await second.runner.settled()
    let result = await withoutThrowing { try await body(second, known, findings) }
    // Whatever was found, and whether or not the rule holds: nothing is left behind.
    for sandbox in known { _ = try? await second.runner.destroy(sandbox.id, deadline: second.ample) }
    var report = Report()
    await second.clean(&report, "")
    await second.runner.stop()
    try result.get()
  }

  private static func withoutThrowing(_ body: () async throws -> Void) async -> Result<Void, any Error> {
    do { return .success(try await body()) } catch { return .failure(error) }
  }

  private static func afterRestart(
    _ bench: Bench, of state: SandboxState, rest: (any SandboxRunner, SandboxID) async throws -> Void
  ) async throws {
    try await withTwo(bench, states: [state], rest: rest) { second, known, findings in
      let id = known[0].id
      switch findings[0] {
      case .running(let address):
        try expect(state == .running, "one that was \(state.rawValue) runs")
        try await second.expectAlive(id, address)
      case .paused, .hibernated:
        try expect(state != .running, "one that ran does not run, and is not gone either")
        let address = try await second.runner.resume(id, deadline: second.ample)
        try await second.expectAlive(id, address)
      case .gone:
        try await expectNotThere(second, id)
      }
      _ = try await second.runner.destroy(id, deadline: second.ample)
      try await expectNotThere(second, id)
    }
  }
}
