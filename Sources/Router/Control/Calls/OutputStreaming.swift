internal import Loop
internal import Sandbox

/// Output on its way to a client, as server-sent events; at its end `exit`, or `error` with what went wrong. A client
/// that reads slowly holds the command back, and one that goes stops it.
@ControlLoop
final class OutputStreaming {
  private let stream: EventStream
  private var stdout: OutputPieces
  private var stderr: OutputPieces

  init(_ request: APIRequest) {
    stream = EventStream(request.call)
    let encoding = OutputEncoding(rawValue: request.body.text("encoding") ?? "") ?? .utf8
    stdout = OutputPieces(encoding)
    stderr = OutputPieces(encoding)
  }

  /// - Parameter work: gives the data of `exit`.
  func run(_ work: @escaping @ControlLoop @Sendable (OutputStreaming) async throws -> JSONValue) async {
    let task = Task { try await work(self) }
    stream.whenGone = { task.cancel() }
    let result = await withTaskCancellationHandler {
      await task.result
    } onCancel: {
      task.cancel()
    }
    await send(.stdout, stdout.rest())
    await send(.stderr, stderr.rest())
    switch result {
    case .success(let exit): await stream.send("exit", exit)
    case .failure(RunnerError.timedOut):
      await stream.send("exit", ["exitCode": 124, "timedOut": true])
    case .failure(let error):
      let problem = error as? Problem ?? (error as? RunnerError).map { Problem($0) } ?? .internalError
      await stream.send("error", ["error": .string(problem.word), "detail": .string(problem.detail)])
    }
    stream.end()
  }

  func take(_ output: ExecOutput) async {
    switch output {
    case .stdout(let bytes): await send(.stdout, stdout.take(bytes))
    case .stderr(let bytes): await send(.stderr, stderr.take(bytes))
    }
  }

  private func send(_ name: OutputStreamName, _ text: String) async {
    if !text.isEmpty { await stream.send(name.rawValue, ["data": .string(text)]) }
  }
}
