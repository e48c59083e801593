internal import Sandbox

// Snapshots and forks. What is in a copy is seen by files where the runner has them.

extension RunnerConformance {
  static let copies: [Rule] = [
    Rule("a snapshot is what a sandbox was, not what became of it", [.create, .snapshot]) { bench in
      let (id, address) = try await bench.create()
      try await mark(bench, id, 1)
      let (name, copy) = (bench.newID(), bench.newID())
      let info = try await bench.runner.snapshot(id, as: name, deadline: bench.ample)
      try expectEqual(info.spec, bench.subject.spec, "the spec that is kept")
      try await bench.expectAlive(id, address)
      try await mark(bench, id, 2)
      let restored = try await bench.runner.restore(name, as: copy, deadline: bench.ample)
      try expect(restored != address, "both have the address \(address)")
      try await bench.expectAlive(copy, restored)
      try await expectMark(bench, copy, 1)
      try await expectMark(bench, id, 2)
      try await bench.runner.deleteSnapshot(name, deadline: bench.ample)
    },
    Rule("a snapshot outlives its sandbox, and restores as often as is wanted", [.create, .snapshot]) { bench in
      let (id, _) = try await bench.create()
      try await mark(bench, id, 3)
      let name = bench.newID()
      _ = try await bench.runner.snapshot(id, as: name, deadline: bench.ample)
      _ = try await bench.runner.destroy(id, deadline: bench.ample)
      for _ in 0..<2 {
        let copy = bench.newID()
        let address = try await bench.runner.restore(name, as: copy, deadline: bench.ample)
        try await bench.expectAlive(copy, address)
        try await expectMark(bench, copy, 3)
      }
      try await bench.runner.deleteSnapshot(name, deadline: bench.ample)
    },
    Rule("a snapshot that was deleted is gone, and what was restored of it goes on", [.create, .snapshot]) { bench in
      let (id, _) = try await bench.create()
      let (name, copy) = (bench.newID(), bench.newID())
      _ = try await bench.runner.snapshot(id, as: name, deadline: bench.ample)
      let address = try await bench.runner.restore(name, as: copy, deadline: bench.ample)
      try await bench.runner.deleteSnapshot(name, deadline: bench.ample)
      try await bench.expectAlive(copy, address)
      try await bench.expectError(.notFound, from: "restore") { () async throws(RunnerError) in
        _ = try await bench.runner.restore(name, as: bench.newID(), deadline: bench.ample)
      }
      try await bench.expectError(.notFound, from: "deleteSnapshot") { () async throws(RunnerError) in
        try await bench.runner.deleteSnapshot(name, deadline: bench.ample)
      }
    },
    Rule("a paused sandbox is still paused after its snapshot", [.create, .snapshot, .pause, .exec]) { bench in
      let (id, _) = try await bench.create()
      try await bench.runner.pause(id, deadline: bench.ample)
      let name = bench.newID()
      _ = try await bench.runner.snapshot(id, as: name, deadline: bench.ample)
      try await bench.expectError(.conflict, from: "exec") { () async throws(RunnerError) in
        try await bench.exec(id, bench.subject.commands.echo("x"))
      }
      try await bench.runner.deleteSnapshot(name, deadline: bench.ample)
    },
    Rule("restoring gives up at once where the deadline has passed, and can be asked again", [.create, .snapshot]) {
      bench in
      let (id, _) = try await bench.create()
      let (name, copy) = (bench.newID(), bench.newID())
      _ = try await bench.runner.snapshot(id, as: name, deadline: bench.ample)
      try await bench.expectError(.timedOut, from: "restore") { () async throws(RunnerError) in
        _ = try await bench.runner.restore(name, as: copy, deadline: bench.past)
      }
      let address = try await bench.runner.restore(name, as: copy, deadline: bench.ample)
      try await bench.expectAlive(copy, address)
      try await bench.runner.deleteSnapshot(name, deadline: bench.ample)
    },
    Rule("forks are copies that go their own ways", [.create, .fork]) { bench in
      let (id, address) = try await bench.create()
      try await mark(bench, id, 1)
      let children = [bench.newID(), bench.newID()]
      let addresses = try await bench.runner.fork(id, into: children, deadline: bench.ample)
      try expectEqual(addresses.count, 2, "the number of addresses")
      try expectEqual(Set(addresses + [address]).count, 3, "the number of different addresses")
      for (child, address) in zip(children, addresses) {
        try await bench.expectAlive(child, address)
        try await expectMark(bench, child, 1)
      }
      try await mark(bench, children[0], 2)
      try await bench.expectAlive(id, address)
      try await expectMark(bench, id, 1)
      try await expectMark(bench, children[1], 1)
    },
    Rule("a fork makes all of its children or none", [.create, .fork]) { bench in
      let (id, address) = try await bench.create()
      let (taken, fresh) = (try await bench.create(), bench.newID())
      try await bench.expectError(.conflict, from: "fork") { () async throws(RunnerError) in
        _ = try await bench.runner.fork(id, into: [fresh, taken.id], deadline: bench.ample)
      }
      try await expectNotThere(bench, fresh)
      try await bench.expectAlive(id, address)
      try await bench.expectAlive(taken.id, taken.address)
    },
    Rule("a sandbox that does not run cannot be forked", [.create, .fork, .pause]) { bench in
      let (id, _) = try await bench.create()
      try await bench.runner.pause(id, deadline: bench.ample)
      try await bench.expectError(.conflict, from: "fork") { () async throws(RunnerError) in
        _ = try await bench.runner.fork(id, into: [bench.newID()], deadline: bench.ample)
      }
    },
  ]

  private static func mark(_ bench: Bench, _ id: SandboxID, _ mark: UInt8) async throws {
    guard bench.runner.capabilities.contains(.files) else { return }
    try await bench.write(id, bench.subject.folder + "/mark", [mark])
  }

  private static func expectMark(_ bench: Bench, _ id: SandboxID, _ mark: UInt8) async throws {
    guard bench.runner.capabilities.contains(.files) else { return }
    try expectEqual(try await bench.read(id, bench.subject.folder + "/mark"), [mark], "the mark of \(id)")
  }
}
