internal import Sandbox

extension RunnerConformance {
  static let beginning: [Rule] = [
    Rule("the word in the configuration is short and in lower case") { bench in
      let kind = bench.runner.kind
      let isWord = kind.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
      try expect(!kind.isEmpty && isWord, "kind is \"\(kind)\"")
    },
    Rule("what is listed is found, running, at the same address", if: { !$0.listed.isEmpty }) { bench in
      for sandbox in bench.listed {
        let known = KnownSandbox(
          id: sandbox.id, state: .running, spec: bench.subject.spec, address: sandbox.address)
        try expectEqual(bench.runner.find(known), .running(sandbox.address), "what is found of \(sandbox.id)")
      }
      try expectEqual(Set(bench.listed.map(\.id)).count, bench.listed.count, "the number of ids in the list")
    },
    Rule("reserved ports are never those that a sandbox is exposed with") { bench in
      for sandbox in bench.listed {
        let taken = bench.runner.reservedPorts.intersection(sandbox.exposures.map(\.port))
        try expect(taken.isEmpty, "\(taken.sorted()) of \(sandbox.id)")
      }
    },
  ]

  static let life: [Rule] = [
    Rule("a sandbox runs when create returns", [.create]) { bench in
      let (id, address) = try await bench.create()
      try expect(address != .none, "it has no address")
      try await bench.expectAlive(id, address)
    },
    Rule("an image that does not exist is refused by its field", [.create], if: { $0.subject.missingImage != nil }) {
      bench in
      var spec = bench.subject.spec
      spec.image = bench.subject.missingImage ?? ""
      let id = bench.newID()
      do throws(RunnerError) {
        _ = try await bench.runner.create(id, spec, deadline: bench.ample)
      } catch .invalid(field: "image", _) {
        return
      } catch {
        throw Broken("create throws \(error.kind): \(error)")
      }
      throw Broken("create succeeds")
    },
    Rule("an id that is taken is refused, and its sandbox goes on", [.create]) { bench in
      let (id, address) = try await bench.create()
      try await bench.expectError(.conflict, from: "a second create") { () async throws(RunnerError) in
        try await bench.runner.create(id, bench.subject.spec, deadline: bench.ample)
      }
      try await bench.expectAlive(id, address)
    },
    Rule("no two sandboxes have the same address", [.create]) { bench in
      let sandboxes = try await bench.create(4)
      try expectEqual(Set(sandboxes.map(\.address)).count, 4, "the number of different addresses")
      for sandbox in sandboxes { try await bench.expectAlive(sandbox.id, sandbox.address) }
    },
    Rule("a destroyed sandbox is gone for every verb", [.create]) { bench in
      let (id, address) = try await bench.create()
      _ = try await bench.runner.destroy(id, deadline: bench.ample)
      try await expectNotThere(bench, id)
      if let who = bench.subject.who {
        let answer = await who(address)
        try expect(answer != id.text, "it still answers at \(address)")
      }
    },
    Rule("destroying again succeeds, and so does destroying what never was", [.create]) { bench in
      let (id, _) = try await bench.create()
      _ = try await bench.runner.destroy(id, deadline: bench.ample)
      _ = try await bench.runner.destroy(id, deadline: bench.ample)
      _ = try await bench.runner.destroy(bench.newID(), deadline: bench.ample)
    },
    Rule("what is destroyed is freed: there is always room for one more", [.create]) { bench in
      for _ in 0..<20 {
        let (id, address) = try await bench.create()
        try expect(address != .none, "it has no address")
        _ = try await bench.runner.destroy(id, deadline: bench.ample)
      }
    },
    Rule("a sandbox that never was is not found by any verb", [.create]) { bench in
      try await expectNotThere(bench, bench.newID())
    },
    Rule("its own network profiles are accepted, and others are refused by their field", [.create]) { bench in
      for profile in await bench.runner.networkProfiles() {
        var spec = bench.subject.spec
        spec.networkProfile = profile.name
        _ = try await bench.runner.create(bench.newID(), spec, deadline: bench.ample)
      }
      var spec = bench.subject.spec
      spec.networkProfile = "no-such-profile"
      let id = bench.newID()
      do throws(RunnerError) {
        _ = try await bench.runner.create(id, spec, deadline: bench.ample)
      } catch .invalid(field: "networkProfile", _) {
        return
      } catch {
        throw Broken("create throws \(error.kind): \(error)")
      }
      throw Broken("create succeeds with a profile that does not exist")
    },
    Rule(
      "a sandbox that ends by itself is told of, and gone", [.create, .exec], if: { $0.subject.commands.crash != nil }
    ) {
      bench in
      let (id, _) = try await bench.create()
      _ = try? await bench.exec(id, bench.subject.commands.crash ?? "")
      try await bench.expectEvent("the sandbox has ended") { event in
        if case .ended(id, _) = event { return true }
        return false
      }
      try await expectNotThere(bench, id)
    },
    Rule("a measured sandbox has used something", [.create, .stats]) { bench in
      let (id, address) = try await bench.create()
      try await bench.expectAlive(id, address)
      let usage = try await bench.runner.usage(of: id)
      try expect(usage.memPeakBytes > 0, "no memory at all")
      let last = try await bench.runner.destroy(id, deadline: bench.ample)
      try expect(last.cpuMs >= usage.cpuMs && last.memPeakBytes >= usage.memPeakBytes, "destroy tells of less")
    },
    Rule(
      "a port that begins to listen is told of, and one that ceases to", [.create, .exec, .portEvents],
      if: { $0.subject.commands.listen != nil && $0.subject.commands.unlisten != nil }
    ) { bench in
      let (id, _) = try await bench.create()
      _ = try await bench.exec(id, bench.subject.commands.listen?(4567) ?? "")
      try await bench.expectEvent("port 4567 listens") { $0 == .portOpened(id, port: 4567) }
      _ = try await bench.exec(id, bench.subject.commands.unlisten?(4567) ?? "")
      try await bench.expectEvent("port 4567 does not listen any more") { $0 == .portClosed(id, port: 4567) }
    },
  ]

  /// Every verb that the runner has, on a sandbox that is not there.
  static func expectNotThere(_ bench: Bench, _ id: SandboxID) async throws {
    let (runner, ample) = (bench.runner, bench.ample)
    func missing<R>(_ what: String, _ verb: () async throws(RunnerError) -> R) async throws {
      try await bench.expectError(.notFound, from: what, verb)
    }
    func have(_ capability: RunnerCapability) -> Bool { runner.capabilities.contains(capability) }
    if have(.pause) {
      try await missing("pause") { () async throws(RunnerError) in try await runner.pause(id, deadline: ample) }
    }
    if have(.hibernate) {
      try await missing("hibernate") { () async throws(RunnerError) in try await runner.hibernate(id, deadline: ample) }
    }
    if have(.pause) || have(.hibernate) {
      try await missing("resume") { () async throws(RunnerError) in _ = try await runner.resume(id, deadline: ample) }
    }
    if have(.exec) {
      try await missing("exec") { () async throws(RunnerError) in _ = try await bench.exec(id, "true") }
      try await missing("startProcess") { () async throws(RunnerError) in
        _ = try await runner.startProcess(id, ExecRequest(command: "true"), deadline: ample)
      }
      try await missing("processes") { () async throws(RunnerError) in
        _ = try await runner.processes(id, deadline: ample)
      }
      try await missing("logs") { () async throws(RunnerError) in
        try await runner.logs(id, process: 1, follow: false, deadline: ample) { _ in }
      }
      try await missing("stopProcess") { () async throws(RunnerError) in
        _ = try await runner.stopProcess(id, process: 1, deadline: ample)
      }
    }
    if have(.files) {
      let path = bench.subject.folder + "/none"
      try await missing("readFile") { () async throws(RunnerError) in _ = try await bench.read(id, path) }
      try await missing("writeFile") { () async throws(RunnerError) in
        try await runner.writeFile(id, path: path, mode: nil, deadline: ample) { nil }
      }
      try await missing("listFolder") { () async throws(RunnerError) in
        _ = try await runner.listFolder(id, path: bench.subject.folder, deadline: ample)
      }
      try await missing("removeFile") { () async throws(RunnerError) in
        try await runner.removeFile(id, path: path, recursive: false, deadline: ample)
      }
    }
    if have(.snapshot) {
      let name = bench.newID()
      try await missing("snapshot") { () async throws(RunnerError) in
        _ = try await runner.snapshot(id, as: name, deadline: ample)
      }
      try await missing("restore") { () async throws(RunnerError) in
        _ = try await runner.restore(name, as: bench.newID(), deadline: ample)
      }
      try await missing("deleteSnapshot") { () async throws(RunnerError) in
        try await runner.deleteSnapshot(name, deadline: ample)
      }
    }
    if have(.fork) {
      try await missing("fork") { () async throws(RunnerError) in
        _ = try await runner.fork(id, into: [bench.newID()], deadline: ample)
      }
    }
    if have(.stats) {
      try await missing("usage") { () async throws(RunnerError) in _ = try await runner.usage(of: id) }
    }
  }
}
