internal import Sandbox
internal import Synchronization

// Deadlines, cancellation, and that sandboxes do not wait for each other.

extension RunnerConformance {
  static let limits: [Rule] = [
    Rule("create gives up at once where the deadline has passed, and can be asked again", [.create]) { bench in
      let id = bench.newID()
      try await late(bench, "create") { () async throws(RunnerError) in
        _ = try await bench.runner.create(id, bench.subject.spec, deadline: bench.past)
      }
      let address = try await bench.runner.create(id, bench.subject.spec, deadline: bench.ample)
      try await bench.expectAlive(id, address)
    },
    Rule("create with hardly any time ends soon, and leaves something that can be destroyed or nothing", [.create]) {
      bench in
      for milliseconds in [0, 1, 3, 10] {
        let id = bench.newID()
        let took = await bench.timing {
          _ = try? await bench.runner.create(id, bench.subject.spec, deadline: .after(.milliseconds(milliseconds)))
        }
        try expect(took < bench.subject.grace, "it took \(took) with \(milliseconds) ms to do it in")
        _ = try await bench.runner.destroy(id, deadline: bench.ample)
        try await expectNotThere(bench, id)
      }
    },
    Rule("pause and resume give up at once where the deadline has passed, and can be asked again", [.create, .pause]) {
      bench in
      let (id, _) = try await bench.create()
      try await late(bench, "pause") { () async throws(RunnerError) in
        try await bench.runner.pause(id, deadline: bench.past)
      }
      try await bench.runner.pause(id, deadline: bench.ample)
      try await late(bench, "resume") { () async throws(RunnerError) in
        _ = try await bench.runner.resume(id, deadline: bench.past)
      }
      let address = try await bench.runner.resume(id, deadline: bench.ample)
      try await bench.expectAlive(id, address)
    },
    Rule("hibernate gives up at once where the deadline has passed, and can be asked again", [.create, .hibernate]) {
      bench in
      let (id, _) = try await bench.create()
      try await late(bench, "hibernate") { () async throws(RunnerError) in
        try await bench.runner.hibernate(id, deadline: bench.past)
      }
      try await bench.runner.hibernate(id, deadline: bench.ample)
      let address = try await bench.runner.resume(id, deadline: bench.ample)
      try await bench.expectAlive(id, address)
    },
    Rule("destroy gives up at once where the deadline has passed, and can be asked again", [.create]) { bench in
      let (id, _) = try await bench.create()
      try await late(bench, "destroy") { () async throws(RunnerError) in
        _ = try await bench.runner.destroy(id, deadline: bench.past)
      }
      _ = try await bench.runner.destroy(id, deadline: bench.ample)
      try await expectNotThere(bench, id)
    },
    Rule("what is done inside gives up at once where the deadline has passed", [.create, .exec]) { bench in
      let (id, address) = try await bench.create()
      let command = ExecRequest(command: bench.subject.commands.echo("x"))
      try await late(bench, "exec") { () async throws(RunnerError) in
        _ = try await bench.exec(id, command, deadline: bench.past)
      }
      try await late(bench, "startProcess") { () async throws(RunnerError) in
        _ = try await bench.runner.startProcess(id, command, deadline: bench.past)
      }
      try expectEqual(try await bench.runner.processes(id, deadline: bench.ample).count, 0, "the number of processes")
      try await bench.expectAlive(id, address)
    },
    Rule("files give up at once where the deadline has passed, and nothing is written", [.create, .files]) { bench in
      let (id, _) = try await bench.create()
      let path = bench.subject.folder + "/late"
      let once = Mutex(false)
      try await late(bench, "writeFile") { () async throws(RunnerError) in
        try await bench.runner.writeFile(id, path: path, mode: nil, deadline: bench.past) {
          once.withLock { done in
            defer { done = true }
            return done ? nil : [1]
          }
        }
      }
      try await bench.expectError(.notFound, from: "readFile") { () async throws(RunnerError) in
        try await bench.read(id, path)
      }
    },
    Rule("a command is ended at its deadline, and the sandbox goes on", [.create, .exec]) { bench in
      let (id, address) = try await bench.create()
      let command = ExecRequest(command: bench.subject.commands.sleep(600))
      let took = try await bench.timing {
        try await bench.expectError(.timedOut, from: "exec") { () async throws(RunnerError) in
          try await bench.exec(id, command, deadline: .after(.milliseconds(300)))
        }
      }
      try expect(took >= .milliseconds(250), "it was ended after \(took) already")
      try expect(took < .milliseconds(300) + bench.subject.grace, "it took \(took)")
      try await bench.expectAlive(id, address)
    },
    Rule("a command whose caller takes no output is ended at its deadline", [.create, .exec]) { bench in
      let (id, address) = try await bench.create()
      let command = ExecRequest(command: bench.subject.commands.echo("x"))
      let took = try await bench.timing {
        try await bench.expectError(.timedOut, from: "exec") { () async throws(RunnerError) in
          try await bench.runner.exec(id, command, deadline: .after(.milliseconds(300))) { _ in
            // Until it is cancelled, or for as long as a test can wait.
            try? await Task.sleep(for: .seconds(60))
          }
        }
      }
      try expect(took < .milliseconds(300) + bench.subject.grace, "it took \(took)")
      try await bench.expectAlive(id, address)
    },
    Rule("a command that is cancelled ends soon", [.create, .exec]) { bench in
      let (id, address) = try await bench.create()
      let task = Task { try await bench.exec(id, bench.subject.commands.sleep(600)) }
      try await Task.sleep(for: .milliseconds(50))
      let took = await bench.timing {
        task.cancel()
        _ = await task.result
      }
      try expect(took < bench.subject.grace, "it took \(took)")
      try await bench.expectAlive(id, address)
    },
    Rule("a create that is cancelled ends soon, and leaves something that can be destroyed or nothing", [.create]) {
      bench in
      let id = bench.newID()
      let task = Task { try await bench.runner.create(id, bench.subject.spec, deadline: bench.ample) }
      task.cancel()
      let took = await bench.timing { _ = await task.result }
      try expect(took < bench.subject.grace, "it took \(took)")
      _ = try await bench.runner.destroy(id, deadline: bench.ample)
      try await expectNotThere(bench, id)
    },
    Rule("commands in one sandbox run beside one another", [.create, .exec]) { bench in
      let (id, _) = try await bench.create()
      try await whileBusy(bench, id) {
        let ran = try await bench.exec(id, bench.subject.commands.echo("beside"))
        try expectEqual(ran.text, "beside\n", "what it prints")
      }
    },
    Rule("files can be had while a command runs", [.create, .exec, .files]) { bench in
      let (id, _) = try await bench.create()
      try await whileBusy(bench, id) {
        try await bench.write(id, bench.subject.folder + "/beside", [1])
        try expectEqual(try await bench.read(id, bench.subject.folder + "/beside"), [1], "the file")
      }
    },
    Rule("sandboxes do not wait for each other", [.create, .exec]) { bench in
      let busy = try await bench.create()
      try await whileBusy(bench, busy.id) {
        let (id, address) = try await bench.create()
        try await bench.expectAlive(id, address)
        if bench.runner.capabilities.contains(.pause) {
          try await bench.runner.pause(id, deadline: bench.ample)
          _ = try await bench.runner.resume(id, deadline: bench.ample)
        }
        _ = try await bench.runner.destroy(id, deadline: bench.ample)
      }
    },
    Rule("a busy sandbox can be destroyed, and what ran in it ends", [.create, .exec]) { bench in
      let (id, _) = try await bench.create()
      let task = Task { try await bench.exec(id, bench.subject.commands.sleep(600)) }
      try await Task.sleep(for: .milliseconds(50))
      let took = try await bench.timing {
        _ = try await bench.runner.destroy(id, deadline: bench.ample)
        if case .success(let ran) = await task.result, ran.status == .exited(0) {
          throw Broken("the command says that it is done")
        }
      }
      try expect(took < bench.subject.patience, "it took \(took)")
    },
  ]

  /// A verb whose deadline has passed.
  private static func late(_ bench: Bench, _ what: String, _ verb: () async throws(RunnerError) -> Void) async throws {
    let took = try await bench.timing { try await bench.expectError(.timedOut, from: what, verb) }
    try expect(took < bench.subject.grace, "\(what) took \(took)")
  }

  /// Does `work` while a command is at work in the sandbox: it waits for its output to be taken, which happens when
  /// `work` is done. If one waited for the other, neither would end.
  private static func whileBusy(
    _ bench: Bench, _ id: SandboxID, _ work: @escaping @Sendable () async throws -> Void
  ) async throws {
    let result = Mutex<Result<Void, any Error>?>(nil)
    let ran = try await bench.runner.exec(
      id, ExecRequest(command: bench.subject.commands.echo("busy")), deadline: bench.ample
    ) { _ in
      do {
        try await work()
        result.withLock { $0 = .success(()) }
      } catch {
        result.withLock { $0 = .failure(error) }
      }
    }
    try expectEqual(ran, .exited(0), "the status of the command that waits")
    guard let result = result.withLock({ $0 }) else { throw Broken("the command ends before its output is taken") }
    try result.get()
  }
}
