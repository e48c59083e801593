internal import Glibc
public import Loop

/// The time and its alarms, as the control plane sees them. Tests have one that they turn themselves.
@ControlLoop
public protocol ControlClock: AnyObject, Sendable {
  /// Milliseconds since 1970.
  var nowMs: UInt64 { get }
  /// Calls once, after so many milliseconds or a little later.
  func after(_ ms: UInt64, _ action: @escaping @ControlLoop () -> Void) -> any ControlAlarm
}

/// Something that a clock will do.
@ControlLoop
public protocol ControlAlarm: AnyObject, Sendable {
  /// It will not be done; nothing if it has been.
  func cancel()
}

/// The clock of the machine, with the timers of the control loop.
@ControlLoop
public final class LoopClock: ControlClock {
  private let loop: EventLoop

  public init(loop: EventLoop) { self.loop = loop }

  public var nowMs: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
  }

  public func after(_ ms: UInt64, _ action: @escaping @ControlLoop () -> Void) -> any ControlAlarm {
    let alarm = LoopAlarm()
    alarm.timer = LoopTimer(loop: loop, afterMs: ms) {
      ControlLoop.assumeHere {
        alarm.cancel()
        action()
      }
    }
    return alarm
  }
}

@ControlLoop
private final class LoopAlarm: ControlAlarm {
  var timer: LoopTimer?

  func cancel() {
    timer?.stop()
    timer = nil
  }
}

extension ControlClock {
  /// Returns after so many milliseconds, or at once when the task is cancelled.
  func sleep(_ ms: UInt64) async {
    let wait = Wait()
    let alarm = after(ms) { wait.end() }
    await withTaskCancellationHandler {
      await wait.ended()
    } onCancel: {
      Task { @ControlLoop in wait.end() }
    }
    alarm.cancel()
  }
}

/// Something that is waited for and happens once.
@ControlLoop
final class Wait {
  private var hasEnded = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  nonisolated init() {}

  func end() {
    hasEnded = true
    let all = waiting
    waiting = []
    for continuation in all { continuation.resume() }
  }

  func ended() async {
    if hasEnded { return }
    await withCheckedContinuation { waiting.append($0) }
  }
}
