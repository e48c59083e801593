internal import Loop
internal import Sandbox
internal import Store

/// Running a command and waiting for its end.
enum ExecCalls {
  static let routes: [APIRoute] = [
    APIRoute(
      "POST", "/v1/sandboxes/{id}/exec", "exec",
      """
      Runs a command. With `Accept: text/event-stream` its output comes as it is made: events `stdout` and `stderr` \
      (`{"data"}`), then `exit` or `error`. When the client goes, the command is stopped.
      """,
      body: .json(bodyShape), answers: [(200, .json(resultShape)), (200, .events)], errors: errors, finishes: false
    ) { plane, request in
      if EventStream.isWanted(request.call) { return try await stream(plane, request) }
      return try await wait(plane, request)
    }
  ]

  static let errors = [
    "conflict/state", "lifecycle/terminated", "runner/unsupported", "runner/failed", "runner/timeout",
    "limit/exhausted",
  ]

  static let commandFields: [Field] = [
    Field("command", .text(.noNUL("a command", 1...131_072)), "Given to `/bin/sh -c`."),
    .optional("cwd", .text(.filePath), "Default: the image's."), .optional("env", CreateBody.environment),
    .optional("user", .text(.name), "Name or number; default: the image's."),
  ]

  static let bodyShape = Shape(
    "ExecBody", "",
    commandFields + [
      .defaulting("timeoutSec", .integer(1...86_400), to: 30, "The command is killed then."),
      .optional("stdin", .plain),
      .defaulting(
        "encoding", .word(OutputEncoding.allCases.map(\.rawValue)), to: "utf8",
        "`base64` for output that is no text; otherwise what is not UTF-8 is replaced."),
    ])

  private static let resultShape = Shape(
    "ExecResult", "",
    [
      Field("exitCode", .integer(-2_147_483_648...2_147_483_647), "128 and the signal's number where one ended it."),
      Field("stdout", .plain), Field("stderr", .plain),
      .optional("signal", .integer(1...64)), Field("durationMs", .count),
      .optional("truncated", .boolean, "There was more than 8 MiB of either."),
      .optional("timedOut", .boolean, "It was killed; `exitCode` is 124."),
    ])
}

extension ExecRequest {
  init(_ body: Values) {
    self.init(
      command: body.text("command") ?? "", cwd: body.text("cwd"), env: body.map("env") ?? [:],
      stdin: Array((body.text("stdin") ?? "").utf8), user: body.text("user"))
  }
}

extension ControlPlane {
  /// Runs something inside a sandbox that has to be running, and counts it as activity as long as it lasts.
  func inRunning<T: Sendable>(
    _ id: SandboxID, needs capability: RunnerCapability, _ work: @ControlLoop () async throws -> T
  ) async throws -> T {
    let row = try await row(id)
    if row.endedAtMs == nil { try require([capability]) }
    try row.mustRun()
    idle.begin(id, nowMs: nowMs)
    defer { idle.end(id, nowMs: nowMs) }
    return try await work()
  }
}

extension ExecCalls {
  /// Gathers what comes, on the control loop.
  @ControlLoop
  private final class Gathering {
    var buffer: OutputBuffer
    init(_ bytesMax: Int) { buffer = OutputBuffer(bytesMax: bytesMax) }
    func take(_ output: ExecOutput) { buffer.take(output.name, output.bytes) }
  }

  @ControlLoop
  private static func wait(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    let (id, command, runner) = (try request.path.sandboxID(), ExecRequest(request.body), plane.runner)
    let timeout = Duration.seconds(request.body.integer("timeoutSec") ?? 30)
    let gathering = Gathering(plane.settings.outputBytesMax)
    let startMs = plane.nowMs
    var status: ExecStatus?
    do {
      status = try await plane.inRunning(id, needs: .exec) {
        try await plane.inside(timeout) { deadline throws(RunnerError) in
          try await runner.exec(id, command, deadline: deadline) { await gathering.take($0) }
        }
      }
    } catch RunnerError.timedOut {
      status = nil
    }
    try Task.checkCancellation()
    let encoding = OutputEncoding(rawValue: request.body.text("encoding") ?? "") ?? .utf8
    return .ok(
      .members([
        "exitCode": .count(status?.exitCode ?? 124), "stdout": .string(encoding.text(gathering.buffer.stdout)),
        "stderr": .string(encoding.text(gathering.buffer.stderr)), "signal": status?.signalJSON,
        "durationMs": .count(plane.nowMs - startMs), "truncated": gathering.buffer.isTruncated ? true : nil,
        "timedOut": status == nil ? true : nil,
      ]))
  }

  @ControlLoop
  private static func stream(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    if request.ticket != nil {
      throw Problem.invalid("Idempotency-Key", "expected none: an answer that streams can't be given again")
    }
    let (id, command, runner) = (try request.path.sandboxID(), ExecRequest(request.body), plane.runner)
    let timeout = Duration.seconds(request.body.integer("timeoutSec") ?? 30)
    try await plane.inRunning(id, needs: .exec) {
      let streaming = OutputStreaming(request)
      await streaming.run { sink in
        let status = try await plane.inside(timeout) { deadline throws(RunnerError) in
          try await runner.exec(id, command, deadline: deadline) { await sink.take($0) }
        }
        return .members(["exitCode": .count(status.exitCode), "signal": status.signalJSON])
      }
    }
    return .written
  }
}

extension ExecStatus {
  var signalJSON: JSONValue? {
    guard case .signalled(let number) = self else { return nil }
    return .count(number)
  }
}

extension ExecOutput {
  var name: OutputStreamName {
    switch self {
    case .stdout: .stdout
    case .stderr: .stderr
    }
  }

  var bytes: [UInt8] {
    switch self {
    case .stdout(let bytes), .stderr(let bytes): bytes
    }
  }
}
