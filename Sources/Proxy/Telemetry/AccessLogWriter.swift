internal import Glibc
internal import Synchronization

/// How many access-log lines reached the log, and how many were lost because it was too slow or broken.
public struct AccessLogTotals: Sendable, Equatable {
  public var written: UInt64
  public var dropped: UInt64

  public init(written: UInt64, dropped: UInt64) {
    self.written = written
    self.dropped = dropped
  }
}

/// Writes the access log of all workers on a thread of its own, so that a slow disk or a stuck reader is never felt by
/// a request. Workers hand over chunks without a lock and drop lines where none is free.
///
/// @unchecked: `sink` and `reported…` belong to the writer's thread; all else is immutable or atomic.
public final class AccessLogWriter: @unchecked Sendable {
  let chunks: AccessLogChunks
  private let format: AccessLogFormat
  private let logger: Logger?
  private var sink: LogSink
  private var thread = pthread_t()

  /// Posted once per submitted chunk and request. It lives as long as self: waiting threads may hold its address.
  private let wake: UnsafeMutablePointer<sem_t>
  private let reopenIsWanted = Atomic<Bool>(false)
  /// When to give up on a stuck reader, monotonic nanoseconds; 0 while not stopping.
  private let stopByNs = Atomic<UInt64>(0)
  private let written = Atomic<UInt64>(0)
  private let dropped = Atomic<UInt64>(0)

  private var reportedDropped: UInt64 = 0
  private var reportedAtNs: UInt64 = 0
  private var lastFailure: Int32 = 0
  private static let reportEveryNs: UInt64 = 10_000_000_000

  /// Opens the output and starts the thread.
  ///
  /// `chunksInFlight` are there beyond the one that each worker fills: 16 of 64 KiB hold about 3,000 lines, which is
  /// what a disk that hangs for a moment needs.
  public init(
    _ output: AccessLogOutput, format: AccessLogFormat, workers: Int, chunksInFlight: Int = 16, logger: Logger? = nil
  ) throws(LogOutputError) {
    self.format = format
    self.logger = logger
    sink = try LogSink(output)
    chunks = AccessLogChunks(count: workers + chunksInFlight)
    wake = .allocate(capacity: 1)
    sem_init(wake, 0, 0)
    let status = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<AccessLogWriter>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
    precondition(status == 0, "no thread for the access log")
  }

  deinit {
    sem_destroy(wake)
    wake.deallocate()
  }

  /// One worker's end. To be used on that worker's thread only.
  public func makeBuffer() -> AccessLogBuffer { AccessLogBuffer(writer: self, format: format) }

  public var totals: AccessLogTotals {
    AccessLogTotals(written: written.load(ordering: .relaxed), dropped: dropped.load(ordering: .relaxed))
  }

  /// After a rotation: opens the file by its name again, before anything else is written.
  public func requestReopen() {
    reopenIsWanted.store(true, ordering: .releasing)
    sem_post(wake)
  }

  /// Writes what was handed over and ends the thread. Workers must have finished their buffers; a reader that does not
  /// take the rest in time loses it. Call it once.
  public func stop(withinMs: UInt64 = 2_000) {
    stopByNs.store(Clock.monotonicNs() + withinMs * 1_000_000, ordering: .releasing)
    sem_post(wake)
    pthread_join(thread, nil)
  }

  // MARK: The workers' side

  func submit(_ chunk: Int, used: Int, lines: UInt64) {
    chunks.submit(chunk, used: used, lines: lines)
    sem_post(wake)
  }

  func countDropped(_ lines: UInt64) { dropped.add(lines, ordering: .relaxed) }

  // MARK: The writer's thread

  private func run() {
    leaveSignalsToOthers()
    nameThread()
    while true {
      // EINTR only costs a look at nothing.
      sem_wait(wake)
      if reopenIsWanted.exchange(false, ordering: .acquiring) { reopen() }
      // Read before the chunks: whatever was submitted before `stop` is then still seen.
      let isStopping = stopByNs.load(ordering: .acquiring) != 0
      while let chunk = chunks.nextFull() {
        write(chunk.text, lines: chunk.lines)
        chunks.release(chunk.index)
      }
      reportDropped()
      if isStopping { return }
    }
  }

  private func write(_ text: UnsafeBufferPointer<UInt8>, lines: UInt64) {
    let failure = sink.write(text) {
      let limit = stopByNs.load(ordering: .acquiring)
      return limit != 0 && Clock.monotonicNs() > limit
    }
    if let failure {
      lastFailure = failure
      countDropped(lines)
    } else {
      written.add(lines, ordering: .relaxed)
    }
  }

  private func reopen() {
    do throws(LogOutputError) {
      try sink.reopen()
      logger?.info("access log opened again")
    } catch {
      logger?.error("access log could not be opened again, the old file stays in use", ["reason": "\(error)"])
    }
  }

  /// Says so in the log that somebody reads, but not once per chunk while a disk is full.
  private func reportDropped() {
    let total = dropped.load(ordering: .relaxed)
    let now = Clock.monotonicNs()
    guard total != reportedDropped, now - reportedAtNs >= AccessLogWriter.reportEveryNs else { return }
    let reason = lastFailure == 0 ? "the log is too slow" : String(cString: strerror(lastFailure))
    logger?.warn("access-log lines were dropped", ["lines": "\(total - reportedDropped)", "reason": reason])
    reportedDropped = total
    reportedAtNs = now
    lastFailure = 0
  }

  /// Signals are the main thread's business, and a reader that went away is an error to count, not SIGPIPE.
  private func leaveSignalsToOthers() {
    var all = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, nil)
  }

  /// So that `top -H` says who is busy. Swift does not see pthread_setname_np; this is what it does.
  private func nameThread() {
    let descriptor = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    let name: StaticString = "access-log"
    _ = Glibc.write(descriptor, name.utf8Start, name.utf8CodeUnitCount)
    close(descriptor)
  }
}
