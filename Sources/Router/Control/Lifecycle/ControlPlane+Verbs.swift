internal import Loop
internal import Sandbox
internal import Store

/// What a runner gave for a verb.
enum VerbResult: Sendable {
  case nothing
  case address(SandboxAddress)
  case usage(SandboxUsage)
  case snapshot(SnapshotInfo)
  case addresses([SandboxAddress])
}

extension Result where Success == VerbResult, Failure == RunnerError {
  var event: SandboxLifecycle.Event {
    switch self {
    case .success: .finished
    case .failure(.timedOut): .timedOut
    case .failure: .failed
    }
  }
}

extension ControlPlane {
  func askRunner(_ verb: SandboxLifecycle.Verb, _ life: Life) async -> Result<VerbResult, RunnerError> {
    guard let row = life.row else { return .failure(.notFound("there is no such sandbox")) }
    let (id, runner, copy, making) = (life.id, runner, life.copy, life.making)
    return await supervise(timeout(of: verb, making), life) { deadline throws(RunnerError) in
      switch verb {
      case .create:
        switch making {
        case .fresh: return .address(try await runner.create(id, row.spec, deadline: deadline))
        case .restored(let snapshot):
          return .address(try await runner.restore(snapshot, as: id, deadline: deadline))
        case .forked(let child): return .address(try await child.address())
        }
      case .pause: try await runner.pause(id, deadline: deadline)
      case .hibernate: try await runner.hibernate(id, deadline: deadline)
      case .resume: return .address(try await runner.resume(id, deadline: deadline))
      case .destroy: return .usage(try await runner.ended(id, deadline: deadline, known: row.usage))
      case .snapshot:
        guard case .snapshot(let name) = copy else { throw .failed("a snapshot needs an id") }
        return .snapshot(try await runner.snapshot(id, as: name, deadline: deadline))
      case .fork:
        guard case .children(let children) = copy else { throw .failed("a fork needs ids") }
        return .addresses(try await runner.fork(id, into: children, deadline: deadline))
      }
      return .nothing
    }
  }

  private func timeout(of verb: SandboxLifecycle.Verb, _ making: Life.Making) -> Duration {
    if verb == .create, case .forked = making { return settings.copyTimeout }
    switch verb {
    case .create: return settings.createTimeout
    case .pause: return settings.pauseTimeout
    case .hibernate: return settings.hibernateTimeout
    case .resume: return settings.resumeTimeout
    case .snapshot, .fork: return settings.copyTimeout
    case .destroy: return settings.destroyTimeout
    }
  }

  private func supervise(
    _ timeout: Duration, _ life: Life,
    _ work: @escaping @Sendable (Deadline) async throws(RunnerError) -> VerbResult
  ) async -> Result<VerbResult, RunnerError> {
    let errand = Errand<VerbResult>(Deadline.after(timeout), work)
    life.cancel = { errand.cancel() }
    return await errand.result(clock, giveUpAfterMs: UInt64(timeout.milliseconds) + settings.graceMs)
  }

  /// Something asked of the runner for a caller who may leave: then it is cancelled.
  func inside<T: Sendable>(
    _ timeout: Duration, _ work: @escaping @Sendable (Deadline) async throws(RunnerError) -> T
  ) async throws(RunnerError) -> T {
    let errand = Errand<T>(Deadline.after(timeout), work)
    let giveUpAfterMs = UInt64(timeout.milliseconds) + settings.graceMs
    return try await withTaskCancellationHandler {
      await errand.result(clock, giveUpAfterMs: giveUpAfterMs)
    } onCancel: {
      errand.cancel()
    }.get()
  }
}

extension SandboxRunner {
  /// One that is not there any more has ended just as well.
  fileprivate func ended(
    _ id: SandboxID, deadline: Deadline, known: SandboxUsage
  ) async throws(RunnerError) -> SandboxUsage {
    do {
      return try await destroy(id, deadline: deadline)
    } catch {
      guard case .notFound = error else { throw error }
      return known
    }
  }
}

extension Duration {
  var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
  }
}
