internal import Sandbox
internal import Synchronization

extension RunnerConformance {
  static let commands: [Rule] = [
    Rule("output comes on the stream that it was written to", [.create, .exec]) { bench in
      let (id, _) = try await bench.create()
      let commands = bench.subject.commands
      let ran = try await bench.exec(id, commands.both(commands.echo("out"), commands.complain("err")))
      try expectEqual(ran.text, "out\n", "standard output")
      try expectEqual(String(decoding: ran.stderr, as: UTF8.self), "err\n", "standard error")
    },
    Rule("a command's status is what it exits with", [.create, .exec]) { bench in
      let (id, _) = try await bench.create()
      for code in [0, 1, 7, 255] {
        let ran = try await bench.exec(id, bench.subject.commands.exit(code))
        try expectEqual(ran.status, .exited(Int32(code)), "the status")
      }
    },
    Rule("a command that a signal ends says which", [.create, .exec]) { bench in
      let (id, _) = try await bench.create()
      for number in [9, 15] {
        let ran = try await bench.exec(id, bench.subject.commands.kill(number))
        try expectEqual(ran.status, .signalled(Int32(number)), "the status")
      }
    },
    Rule("a command gets its standard input byte by byte, and its end", [.create, .exec]) { bench in
      let (id, _) = try await bench.create()
      let bytes = (0..<70_000).map { UInt8($0 % 256) }
      let ran = try await bench.exec(id, ExecRequest(command: bench.subject.commands.copy, stdin: bytes))
      try expect(ran.stdout == bytes, "\(ran.stdout.count) bytes of \(bytes.count) come out, or others")
      let empty = try await bench.exec(id, bench.subject.commands.copy)
      try expectEqual(empty.stdout, [], "what comes out where nothing goes in")
    },
    Rule("a command's environment is the sandbox's with its own on top", [.create, .exec]) { bench in
      var spec = bench.subject.spec
      spec.env["CONFORMANCE_A"] = "from the sandbox"
      spec.env["CONFORMANCE_B"] = "from the sandbox"
      let id = bench.newID()
      _ = try await bench.runner.create(id, spec, deadline: bench.ample)
      let commands = bench.subject.commands
      let ran = try await bench.exec(
        id,
        ExecRequest(
          command: commands.both(commands.printVariable("CONFORMANCE_A"), commands.printVariable("CONFORMANCE_B")),
          env: ["CONFORMANCE_B": "from the command $X '\""]))
      try expectEqual(ran.text, "from the sandbox\nfrom the command $X '\"\n", "what it prints")
    },
    Rule("a command runs in the folder that is asked for", [.create, .exec]) { bench in
      let (id, _) = try await bench.create()
      let ran = try await bench.exec(
        id, ExecRequest(command: bench.subject.commands.printFolder, cwd: bench.subject.folder))
      try expectEqual(ran.text, bench.subject.folder + "\n", "what it prints")
    },
    Rule("output comes in order, one piece at a time, and as fast as it is taken", [.create, .exec]) { bench in
      let (id, _) = try await bench.create()
      let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 251 ^ $0) }
      let pieces = Pieces()
      let busy = Mutex(false)
      let overlaps = Mutex(0)
      let status = try await bench.runner.exec(
        id, ExecRequest(command: bench.subject.commands.copy, stdin: bytes), deadline: bench.ample
      ) { piece in
        let wasBusy = busy.withLock { busy in
          defer { busy = true }
          return busy
        }
        if wasBusy { overlaps.withLock { $0 += 1 } }
        pieces.add(piece)
        try? await Task.sleep(for: .milliseconds(1))
        busy.withLock { $0 = false }
      }
      try expectEqual(status, .exited(0), "the status")
      try expectEqual(overlaps.withLock { $0 }, 0, "the number of calls that came while another one ran")
      try expect(pieces.stdout == bytes, "the bytes are others, or in another order")
    },
    Rule("output comes while the command runs, not only at its end", [.create, .exec]) { bench in
      let (id, _) = try await bench.create()
      let commands = bench.subject.commands
      let first = Mutex<ContinuousClock.Instant?>(nil)
      _ = try await bench.runner.exec(
        id, ExecRequest(command: commands.both(commands.echo("early"), commands.sleep(0.5))), deadline: bench.ample
      ) { _ in first.withLock { if $0 == nil { $0 = .now } } }
      let end = ContinuousClock.now
      guard let came = first.withLock({ $0 }) else { throw Broken("nothing comes at all") }
      try expect(end - came > .milliseconds(250), "it comes \(end - came) before the end")
    },
  ]

  static let processes: [Rule] = [
    Rule("a background process is listed until long after its end, under a number of its own", [.create, .exec]) {
      bench in
      let (id, _) = try await bench.create()
      let commands = bench.subject.commands
      var pids: [Int] = []
      for code in 0..<3 {
        let request = ExecRequest(command: commands.exit(code))
        pids.append(try await bench.runner.startProcess(id, request, deadline: bench.ample).pid)
      }
      try expectEqual(Set(pids).count, 3, "how many numbers there are")
      for pid in pids { try await follow(bench, id, pid) }
      let found = try await bench.runner.processes(id, deadline: bench.ample)
      try expectEqual(Set(found.map(\.pid)), Set(pids), "the numbers in the list")
      for (code, pid) in pids.enumerated() {
        guard let process = found.first(where: { $0.pid == pid }) else { continue }
        try expectEqual(process.status, .exited(Int32(code)), "the status of \(pid)")
        try expectEqual(process.command, commands.exit(code), "the command of \(pid)")
      }
    },
    Rule("a log is what was written, in order, and following it ends with the process", [.create, .exec]) { bench in
      let (id, _) = try await bench.create()
      let commands = bench.subject.commands
      let command = [commands.echo("a"), commands.complain("b"), commands.sleep(0.2), commands.echo("c")]
        .reduce(commands.echo("start")) { commands.both($0, $1) }
      let process = try await bench.runner.startProcess(id, ExecRequest(command: command), deadline: bench.ample)
      try expectEqual(process.status, nil, "the status of one that was just started")
      for round in ["while it runs", "when it has ended"] {
        let pieces = Pieces()
        try await bench.runner.logs(id, process: process.pid, follow: true, deadline: bench.ample) { pieces.add($0) }
        try expectEqual(String(decoding: pieces.stdout, as: UTF8.self), "start\na\nc\n", "its output \(round)")
        try expectEqual(String(decoding: pieces.stderr, as: UTF8.self), "b\n", "its errors \(round)")
      }
    },
    Rule("a log that is not followed ends where the process is now", [.create, .exec]) { bench in
      let (id, _) = try await bench.create()
      let request = ExecRequest(command: bench.subject.commands.sleep(600))
      let process = try await bench.runner.startProcess(id, request, deadline: bench.ample)
      let took = try await bench.timing {
        try await bench.runner.logs(id, process: process.pid, follow: false, deadline: bench.ample) { _ in }
      }
      try expect(took < bench.subject.grace, "it took \(took)")
      let late = try await bench.timing {
        try await bench.expectError(.timedOut, from: "logs") { () async throws(RunnerError) in
          try await bench.runner.logs(
            id, process: process.pid, follow: true, deadline: .after(.milliseconds(200))
          ) { _ in }
        }
      }
      try expect(late < .milliseconds(200) + bench.subject.grace, "following it took \(late)")
    },
    Rule("a process that is stopped ends, and stopping it again changes nothing", [.create, .exec]) { bench in
      let (id, _) = try await bench.create()
      let request = ExecRequest(command: bench.subject.commands.sleep(600))
      let process = try await bench.runner.startProcess(id, request, deadline: bench.ample)
      let stopped = try await bench.runner.stopProcess(id, process: process.pid, deadline: bench.ample)
      guard case .signalled? = stopped.status else {
        throw Broken("its status is \(String(describing: stopped.status))")
      }
      let again = try await bench.runner.stopProcess(id, process: process.pid, deadline: bench.ample)
      try expectEqual(again.status, stopped.status, "its status")
    },
    Rule("a process that never was is not found", [.create, .exec]) { bench in
      let (id, _) = try await bench.create()
      try await bench.expectError(.notFound, from: "logs") { () async throws(RunnerError) in
        try await bench.runner.logs(id, process: 424_242, follow: false, deadline: bench.ample) { _ in }
      }
      try await bench.expectError(.notFound, from: "stopProcess") { () async throws(RunnerError) in
        _ = try await bench.runner.stopProcess(id, process: 424_242, deadline: bench.ample)
      }
    },
  ]

  private static func follow(_ bench: Bench, _ id: SandboxID, _ pid: Int) async throws {
    try await bench.runner.logs(id, process: pid, follow: true, deadline: bench.ample) { _ in }
  }
}
