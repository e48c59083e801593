internal import Synchronization

/// The control side's thread as a global actor: what is isolated to it runs on the control loop, between two of its
/// events, and so may touch everything that belongs to that loop.
///
/// There is one control loop in a process. `attach` it before anything isolated to it is called.
@globalActor
public actor ControlLoop {
  public static let shared = ControlLoop()

  public nonisolated var unownedExecutor: UnownedSerialExecutor { LoopExecutor.shared.asUnownedSerialExecutor() }

  /// Makes `loop` the control loop. Called on the thread that will run it, or before it runs.
  public static func attach(_ loop: EventLoop) { LoopExecutor.shared.attach(loop) }

  /// Runs `body` at once; the caller must be on the control loop's thread, as every callback of that loop is.
  public static func assumeHere<R: Sendable>(_ body: @ControlLoop () throws -> R) rethrows -> R {
    LoopExecutor.shared.assertHere()
    return try withoutActuallyEscaping(body) { try unsafeBitCast($0, to: (() throws -> R).self)() }
  }
}

/// Runs jobs of Swift's concurrency on an event loop.
///
/// `@unchecked Sendable`: `attached` is behind a mutex, and jobs are values that the runtime hands over.
final class LoopExecutor: SerialExecutor, @unchecked Sendable {
  static let shared = LoopExecutor()

  private struct Attached {
    var jobs: Mailbox<UnownedJob>
    var thread: UInt
  }

  private let attached = Mutex<Attached?>(nil)

  func attach(_ loop: EventLoop) {
    let jobs = Mailbox<UnownedJob>(loop: loop) { job in
      job.runSynchronously(on: LoopExecutor.shared.asUnownedSerialExecutor())
    }
    attached.withLock { $0 = Attached(jobs: jobs, thread: currentThread()) }
  }

  /// The loop is run by another thread than the one that attached it.
  func adopt() { attached.withLock { $0?.thread = currentThread() } }

  func enqueue(_ job: consuming ExecutorJob) {
    let unowned = UnownedJob(job)
    guard let jobs = attached.withLock({ $0?.jobs }) else {
      preconditionFailure("nothing may run on the control loop before it is attached")
    }
    jobs.send(unowned)
  }

  func isIsolatingCurrentContext() -> Bool? { isHere }
  func checkIsolated() { assertHere() }

  private var isHere: Bool { attached.withLock { $0?.thread == currentThread() } }

  func assertHere() { precondition(isHere, "this belongs to the control loop's thread") }
}
