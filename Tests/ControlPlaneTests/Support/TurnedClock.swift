import Loop

@testable import ControlPlane

/// A clock that stands still until a test turns it.
@ControlLoop
final class TurnedClock: ControlClock {
  private(set) var nowMs: UInt64

  @ControlLoop
  private final class Alarm: ControlAlarm {
    let atMs: UInt64
    let order: Int
    var action: (@ControlLoop () -> Void)?

    init(atMs: UInt64, order: Int, action: @escaping @ControlLoop () -> Void) {
      self.atMs = atMs
      self.order = order
      self.action = action
    }

    func cancel() { action = nil }
  }

  private var alarms: [Alarm] = []
  private var made = 0

  init(nowMs: UInt64 = 1_800_000_000_000) { self.nowMs = nowMs }

  func after(_ ms: UInt64, _ action: @escaping @ControlLoop () -> Void) -> any ControlAlarm {
    made += 1
    let alarm = Alarm(atMs: nowMs + ms, order: made, action: action)
    alarms.append(alarm)
    return alarm
  }

  /// Alarms that are still to come.
  var pending: Int { alarms.count { $0.action != nil } }

  /// Goes on, and does on the way what is due then; also what that asks for.
  func turn(_ ms: UInt64) {
    let end = nowMs + ms
    while let next = alarms.filter({ $0.action != nil && $0.atMs <= end }).min(by: {
      ($0.atMs, $0.order) < ($1.atMs, $1.order)
    }) {
      nowMs = max(nowMs, next.atMs)
      let action = next.action
      next.action = nil
      // Now, not at the end: a day has 86,400 seconds, and each has its alarm.
      alarms.removeAll { $0.action == nil }
      action?()
    }
    alarms.removeAll { $0.action == nil }
    nowMs = end
  }

  /// As if the machine had slept: what was due meanwhile is done now, once. For weeks, which are many seconds to turn.
  func skip(_ ms: UInt64) {
    nowMs += ms
    turn(0)
  }

  func turn(seconds: UInt64) { turn(seconds * 1_000) }
}
