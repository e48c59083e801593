internal import Synchronization

/// Waits for `body` until the deadline and no longer: what is late is cancelled and left to end by itself.
///
/// For runners: whatever a verb waits for inside, a slow disk or a caller who takes no output, it ends in time.
/// - Throws: what `body` throws; `.timedOut` at the deadline; `.failed` when the waiting task is cancelled.
public func withDeadline<Success: Sendable>(
  _ deadline: Deadline, _ body: @escaping @Sendable () async throws(RunnerError) -> Success
) async throws(RunnerError) -> Success {
  if deadline.hasPassed { throw .timedOut }
  let race = Race<Success>()
  let work = Task {
    do throws(RunnerError) { race.end(.success(try await body())) } catch { race.end(.failure(error)) }
  }
  let clock = Task {
    try await Task.sleep(until: deadline.instant, clock: .continuous)
    race.end(.failure(.timedOut))
  }
  defer {
    work.cancel()
    clock.cancel()
  }
  let result = await withTaskCancellationHandler {
    await withCheckedContinuation { race.wait($0) }
  } onCancel: {
    race.end(.failure(.failed("it was cancelled")))
  }
  return try result.get()
}

/// Who comes first gives the result; the others come too late.
private final class Race<Success: Sendable>: Sendable {
  private enum State {
    case running
    case awaited(CheckedContinuation<Result<Success, RunnerError>, Never>)
    case ended(Result<Success, RunnerError>)
  }

  private let state = Mutex(State.running)

  func wait(_ continuation: CheckedContinuation<Result<Success, RunnerError>, Never>) {
    let result: Result<Success, RunnerError>? = state.withLock { state in
      if case .ended(let result) = state { return result }
      state = .awaited(continuation)
      return nil
    }
    if let result { continuation.resume(returning: result) }
  }

  func end(_ result: Result<Success, RunnerError>) {
    let continuation: CheckedContinuation<Result<Success, RunnerError>, Never>? = state.withLock { state in
      switch state {
      case .ended: return nil
      case .running:
        state = .ended(result)
        return nil
      case .awaited(let continuation):
        state = .ended(result)
        return continuation
      }
    }
    continuation?.resume(returning: result)
  }
}
