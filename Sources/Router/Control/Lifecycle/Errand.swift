internal import Loop
internal import Sandbox

/// Something that a runner does, off the control loop. By its rules it ends by its deadline; one that breaks them is
/// waited for no longer, so that no runner can hold up the control plane.
@ControlLoop
final class Errand<T: Sendable> {
  private let task: Task<Result<T, RunnerError>, Never>
  private var outcome: Result<T, RunnerError>?
  private let wait = Wait()

  init(_ deadline: Deadline, _ work: @escaping @Sendable (Deadline) async throws(RunnerError) -> T) {
    task = Task.detached {
      do throws(RunnerError) {
        return .success(try await work(deadline))
      } catch {
        return .failure(error)
      }
    }
  }

  nonisolated func cancel() { task.cancel() }

  func result(_ clock: any ControlClock, giveUpAfterMs: UInt64) async -> Result<T, RunnerError> {
    let alarm = clock.after(giveUpAfterMs) { [self] in
      task.cancel()
      end(.failure(.timedOut))
    }
    Task { [self] in end(await task.value) }
    await wait.ended()
    alarm.cancel()
    return outcome ?? .failure(.timedOut)
  }

  private func end(_ result: Result<T, RunnerError>) {
    guard outcome == nil else { return }
    outcome = result
    wait.end()
  }
}
