internal import Sandbox

/// A way to rest that a runner may have.
private struct Rest: Sendable {
  let name: String
  let capability: RunnerCapability
  let verb: @Sendable (Bench, SandboxID) async throws(RunnerError) -> Void

  static let pause = Rest(name: "paused", capability: .pause) { bench, id throws(RunnerError) in
    try await bench.runner.pause(id, deadline: bench.ample)
  }
  static let hibernate = Rest(name: "hibernated", capability: .hibernate) { bench, id throws(RunnerError) in
    try await bench.runner.hibernate(id, deadline: bench.ample)
  }
}

extension RunnerConformance {
  static let waking: [Rule] =
    rules(of: .pause) + rules(of: .hibernate) + [
      Rule("resuming what runs succeeds and changes nothing", [.create, .pause]) { bench in
        let (id, address) = try await bench.create()
        let again = try await bench.runner.resume(id, deadline: bench.ample)
        try expectEqual(again, address, "its address")
        try await bench.expectAlive(id, address)
      },
      Rule("a paused sandbox can be hibernated", [.create, .pause, .hibernate]) { bench in
        let (id, _) = try await bench.create()
        try await bench.runner.pause(id, deadline: bench.ample)
        try await bench.runner.hibernate(id, deadline: bench.ample)
        let address = try await bench.runner.resume(id, deadline: bench.ample)
        try await bench.expectAlive(id, address)
      },
      Rule("a hibernated sandbox cannot be paused", [.create, .pause, .hibernate]) { bench in
        let (id, _) = try await bench.create()
        try await bench.runner.hibernate(id, deadline: bench.ample)
        try await bench.expectError(.conflict, from: "pause") { () async throws(RunnerError) in
          try await bench.runner.pause(id, deadline: bench.ample)
        }
        let address = try await bench.runner.resume(id, deadline: bench.ample)
        try await bench.expectAlive(id, address)
      },
    ]

  private static func rules(of rest: Rest) -> [Rule] {
    let needs: Set<RunnerCapability> = [.create, rest.capability]
    return [
      Rule("a \(rest.name) sandbox is \(rest.name) by being asked again", needs) { bench in
        let (id, _) = try await bench.create()
        try await rest.verb(bench, id)
        try await rest.verb(bench, id)
        let address = try await bench.runner.resume(id, deadline: bench.ample)
        try await bench.expectAlive(id, address)
      },
      Rule("nothing answers on the ports of a \(rest.name) sandbox until it is resumed", needs, if: hasPorts) { bench in
        let (id, old) = try await bench.create()
        try await bench.expectAlive(id, old)
        try await rest.verb(bench, id)
        if let answer = await bench.subject.who?(old) { throw Broken("\(answer) answers") }
        let address = try await bench.runner.resume(id, deadline: bench.ample)
        try await bench.expectAlive(id, address)
      },
      Rule("nothing is done inside of a \(rest.name) sandbox", needs.union([.exec])) { bench in
        let (id, _) = try await bench.create()
        try await rest.verb(bench, id)
        try await bench.expectError(.conflict, from: "exec") { () async throws(RunnerError) in
          try await bench.exec(id, bench.subject.commands.echo("x"))
        }
      },
      Rule("files are the same after a sandbox was \(rest.name)", needs.union([.files])) { bench in
        let (id, _) = try await bench.create()
        let path = bench.subject.folder + "/kept"
        try await bench.write(id, path, Array("kept".utf8))
        try await rest.verb(bench, id)
        _ = try await bench.runner.resume(id, deadline: bench.ample)
        try expectEqual(try await bench.read(id, path), Array("kept".utf8), "the file")
      },
      Rule("a background process lives through being \(rest.name)", needs.union([.exec])) { bench in
        let (id, _) = try await bench.create()
        let commands = bench.subject.commands
        let process = try await bench.runner.startProcess(
          id, ExecRequest(command: commands.both(commands.sleep(0.3), commands.echo("woken"))), deadline: bench.ample)
        try await rest.verb(bench, id)
        _ = try await bench.runner.resume(id, deadline: bench.ample)
        let pieces = Pieces()
        try await bench.runner.logs(id, process: process.pid, follow: true, deadline: bench.ample) { pieces.add($0) }
        try expectEqual(String(decoding: pieces.stdout, as: UTF8.self), "woken\n", "what it says")
      },
      Rule("a \(rest.name) sandbox can be destroyed", needs) { bench in
        let (id, _) = try await bench.create()
        try await rest.verb(bench, id)
        _ = try await bench.runner.destroy(id, deadline: bench.ample)
        try await expectNotThere(bench, id)
      },
      Rule("one that is \(rest.name) keeps nobody else from running", needs) { bench in
        let (asleep, awake) = (try await bench.create(), try await bench.create())
        try await rest.verb(bench, asleep.id)
        try await bench.expectAlive(awake.id, awake.address)
      },
    ]
  }

  @Sendable static func hasPorts(_ bench: Bench) -> Bool { bench.subject.who != nil }
}
