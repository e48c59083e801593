internal import Loop
internal import Sandbox

/// Commands in the background.
enum ProcessCalls {
  static let routes: [APIRoute] = [
    APIRoute(
      "POST", "/v1/sandboxes/{id}/processes", "startProcess", "Starts a command that goes on by itself.",
      body: .json(Shape("ProcessBody", "", ExecCalls.commandFields + [.optional("stdin", .plain)])),
      answers: [(201, .json(shape))], errors: ExecCalls.errors
    ) { plane, request in
      let (id, command, runner) = (try request.path.sandboxID(), ExecRequest(request.body), plane.runner)
      let info = try await plane.inRunning(id, needs: .exec) {
        try await plane.inside(plane.settings.insideTimeout) { deadline throws(RunnerError) in
          try await runner.startProcess(id, command, deadline: deadline)
        }
      }
      return .made(json(info))
    },
    APIRoute(
      "GET", "/v1/sandboxes/{id}/processes", "listProcesses", "Those that were started, ended ones as well.",
      answers: [(200, .json(ListView.shape("Processes", "processes", shape)))], errors: ExecCalls.errors
    ) { plane, request in
      .ok(["processes": .array(try await all(plane, request).map(json)), "next": .null])
    },
    APIRoute(
      "GET", "/v1/sandboxes/{id}/processes/{pid}", "getProcess", "One of them.",
      answers: [(200, .json(shape))], errors: ExecCalls.errors
    ) { plane, request in
      let pid = try pid(request)
      guard let info = try await all(plane, request).first(where: { $0.pid == pid }) else {
        throw Problem.notFound("there is no process \(pid) in the sandbox")
      }
      return .ok(json(info))
    },
    APIRoute(
      "GET", "/v1/sandboxes/{id}/processes/{pid}/logs", "getProcessLogs",
      "Its output so far; with `follow=true` as server-sent events until it ends.",
      query: [
        .defaulting("follow", .boolean, to: false),
        .defaulting("encoding", .word(OutputEncoding.allCases.map(\.rawValue)), to: "utf8"),
      ],
      answers: [(200, .json(logsShape)), (200, .events)], errors: ExecCalls.errors, finishes: false
    ) { plane, request in
      if request.query.bool("follow") == true { return try await follow(plane, request) }
      return try await logs(plane, request)
    },
    APIRoute(
      "DELETE", "/v1/sandboxes/{id}/processes/{pid}", "stopProcess", "Ends it.",
      answers: [(200, .json(shape))], errors: ExecCalls.errors
    ) { plane, request in
      let (id, pid, runner) = (try request.path.sandboxID(), try pid(request), plane.runner)
      let info = try await plane.inRunning(id, needs: .exec) {
        try await plane.inside(plane.settings.insideTimeout) { deadline throws(RunnerError) in
          try await runner.stopProcess(id, process: pid, deadline: deadline)
        }
      }
      return .ok(json(info))
    },
  ]

  private static let shape = Shape(
    "Process", "",
    [
      Field("pid", .count), Field("command", .plain), Field("status", .word(["running", "exited"])),
      .optional("exitCode", .integer(-2_147_483_648...2_147_483_647)), .optional("signal", .integer(1...64)),
      Field("startedAt", .time),
    ])

  private static let logsShape = Shape(
    "ProcessLogs", "",
    [
      Field(
        "logs",
        .list(
          .object(
            Shape("LogPiece", "", [Field("stream", .word(["stdout", "stderr"])), Field("data", .plain)])),
          countMax: .max), "In the order in which it came."),
      Field("stdout", .plain), Field("stderr", .plain), .optional("truncated", .boolean),
    ])

  @Sendable private static func json(_ info: ProcessInfo) -> JSONValue {
    .members([
      "pid": .count(info.pid), "command": .string(info.command),
      "status": info.status == nil ? "running" : "exited", "exitCode": info.status.map { .count($0.exitCode) },
      "signal": info.status?.signalJSON, "startedAt": TimeText.json(ms: info.startedAtMs),
    ])
  }

  private static func pid(_ request: APIRequest) throws(Problem) -> Int {
    let text = request.path.text("pid")
    guard let pid = Int(text), pid >= 0, String(pid) == text else {
      throw .notFound("there is no process \(JSONValue.quoted(text)) in the sandbox")
    }
    return pid
  }
}

extension ProcessCalls {
  @ControlLoop
  private static func all(_ plane: ControlPlane, _ request: APIRequest) async throws -> [ProcessInfo] {
    let (id, runner) = (try request.path.sandboxID(), plane.runner)
    return try await plane.inRunning(id, needs: .exec) {
      try await plane.inside(plane.settings.insideTimeout) { deadline throws(RunnerError) in
        try await runner.processes(id, deadline: deadline)
      }
    }
  }

  /// Pieces in their order.
  @ControlLoop
  private final class Gathering {
    var buffer: OutputBuffer
    var pieces: [(stream: OutputStreamName, bytes: [UInt8])] = []
    init(_ bytesMax: Int) { buffer = OutputBuffer(bytesMax: bytesMax) }

    func take(_ output: ExecOutput) {
      buffer.take(output.name, output.bytes)
      if buffer.isTruncated { return }
      if pieces.last?.stream == output.name {
        pieces[pieces.count - 1].bytes += output.bytes
      } else {
        pieces.append((output.name, output.bytes))
      }
    }
  }

  @ControlLoop
  private static func logs(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    let (id, pid, runner) = (try request.path.sandboxID(), try pid(request), plane.runner)
    let gathering = Gathering(plane.settings.outputBytesMax)
    try await plane.inRunning(id, needs: .exec) {
      try await plane.inside(plane.settings.insideTimeout) { deadline throws(RunnerError) in
        try await runner.logs(id, process: pid, follow: false, deadline: deadline) { await gathering.take($0) }
      }
    }
    let encoding = OutputEncoding(rawValue: request.query.text("encoding") ?? "") ?? .utf8
    let pieces: [JSONValue] = gathering.pieces.map {
      ["stream": .string($0.stream.rawValue), "data": .string(encoding.text($0.bytes))]
    }
    return .ok(
      .members([
        "logs": .array(pieces), "stdout": .string(encoding.text(gathering.buffer.stdout)),
        "stderr": .string(encoding.text(gathering.buffer.stderr)),
        "truncated": gathering.buffer.isTruncated ? true : nil,
      ]))
  }

  @ControlLoop
  private static func follow(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    let (id, pid, runner) = (try request.path.sandboxID(), try pid(request), plane.runner)
    try await plane.inRunning(id, needs: .exec) {
      // What isn't there is a 404 now, and not an event later.
      let processes = try await plane.inside(plane.settings.insideTimeout) { deadline throws(RunnerError) in
        try await runner.processes(id, deadline: deadline)
      }
      guard processes.contains(where: { $0.pid == pid }) else {
        throw Problem.notFound("there is no process \(pid) in the sandbox")
      }
      await OutputStreaming(request).run { sink in
        try await plane.inside(.seconds(86_400)) { deadline throws(RunnerError) in
          try await runner.logs(id, process: pid, follow: true, deadline: deadline) { await sink.take($0) }
        }
        let ended = try await plane.inside(plane.settings.insideTimeout) { deadline throws(RunnerError) in
          try await runner.processes(id, deadline: deadline)
        }.first { $0.pid == pid }
        return .members([
          "exitCode": ended?.status.map { .count($0.exitCode) }, "signal": ended?.status?.signalJSON,
        ])
      }
    }
    return .written
  }
}
