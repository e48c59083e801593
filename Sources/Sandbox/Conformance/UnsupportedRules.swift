internal import Sandbox

extension RunnerConformance {
  /// What a runner does not claim it has to refuse, naming what it lacks, whether or not the sandbox is there.
  static let unsupported: [Rule] = [
    Rule("what it cannot do it says it cannot do, and changes nothing") { bench in
      var existing: SandboxID?
      if bench.runner.capabilities.contains(.create) {
        existing = try await bench.create().id
      } else {
        existing = bench.listed.first?.id
      }
      let id = existing ?? bench.newID()
      for capability in RunnerCapability.allCases where !bench.runner.capabilities.contains(capability) {
        try await refusals(bench, id, capability)
      }
      for sandbox in bench.listed {
        let known = KnownSandbox(id: sandbox.id, state: .running, spec: bench.subject.spec, address: sandbox.address)
        try expectEqual(bench.runner.find(known), .running(sandbox.address), "what is found of \(sandbox.id)")
      }
      if bench.runner.capabilities.contains(.create) { try await bench.expectAlive(id) }
    }
  ]

  private static func refusals(_ bench: Bench, _ id: SandboxID, _ capability: RunnerCapability) async throws {
    let (runner, ample, other) = (bench.runner, bench.ample, bench.newID())
    let request = ExecRequest(command: "true")
    func refused<R>(_ what: String, _ verb: () async throws(RunnerError) -> R) async throws {
      do throws(RunnerError) { _ = try await verb() } catch {
        return try expectEqual(error, .unsupported(capability), "the error of \(what)")
      }
      throw Broken("\(what) succeeds without the capability \(capability.rawValue)")
    }
    switch capability {
    case .create:
      try await refused("create") { () async throws(RunnerError) in
        _ = try await runner.create(other, bench.subject.spec, deadline: ample)
      }
      try await refused("destroy") { () async throws(RunnerError) in _ = try await runner.destroy(id, deadline: ample) }
    case .pause:
      try await refused("pause") { () async throws(RunnerError) in try await runner.pause(id, deadline: ample) }
      if !runner.capabilities.contains(.hibernate) {
        try await refused("resume") { () async throws(RunnerError) in _ = try await runner.resume(id, deadline: ample) }
      }
    case .hibernate:
      try await refused("hibernate") { () async throws(RunnerError) in try await runner.hibernate(id, deadline: ample) }
    case .fork:
      try await refused("fork") { () async throws(RunnerError) in
        _ = try await runner.fork(id, into: [other], deadline: ample)
      }
    case .snapshot:
      try await refused("snapshot") { () async throws(RunnerError) in
        _ = try await runner.snapshot(id, as: other, deadline: ample)
      }
      try await refused("restore") { () async throws(RunnerError) in
        _ = try await runner.restore(other, as: bench.newID(), deadline: ample)
      }
      try await refused("deleteSnapshot") { () async throws(RunnerError) in
        try await runner.deleteSnapshot(other, deadline: ample)
      }
    case .stats:
      try await refused("usage") { () async throws(RunnerError) in _ = try await runner.usage(of: id) }
    case .exec:
      try await refused("exec") { () async throws(RunnerError) in _ = try await bench.exec(id, request) }
      try await refused("startProcess") { () async throws(RunnerError) in
        _ = try await runner.startProcess(id, request, deadline: ample)
      }
      try await refused("processes") { () async throws(RunnerError) in
        _ = try await runner.processes(id, deadline: ample)
      }
      try await refused("logs") { () async throws(RunnerError) in
        try await runner.logs(id, process: 1, follow: false, deadline: ample) { _ in }
      }
      try await refused("stopProcess") { () async throws(RunnerError) in
        _ = try await runner.stopProcess(id, process: 1, deadline: ample)
      }
    case .files:
      let path = bench.subject.folder + "/x"
      try await refused("readFile") { () async throws(RunnerError) in _ = try await bench.read(id, path) }
      try await refused("writeFile") { () async throws(RunnerError) in
        try await runner.writeFile(id, path: path, mode: nil, deadline: ample) { nil }
      }
      try await refused("listFolder") { () async throws(RunnerError) in
        _ = try await runner.listFolder(id, path: bench.subject.folder, deadline: ample)
      }
      try await refused("fileInfo") { () async throws(RunnerError) in
        _ = try await runner.fileInfo(id, path: path, deadline: ample)
      }
      try await refused("removeFile") { () async throws(RunnerError) in
        try await runner.removeFile(id, path: path, recursive: false, deadline: ample)
      }
      try await refused("renameFile") { () async throws(RunnerError) in
        try await runner.renameFile(id, from: path, to: path + "2", deadline: ample)
      }
    case .portEvents:
      let told = bench.events.contains { event in
        switch event {
        case .portOpened, .portClosed: true
        default: false
        }
      }
      try expect(!told, "it tells of ports without the capability \(capability.rawValue)")
    }
  }
}
