import Loop
import Testing

private final class Alarm: Deadlined {
  let loop: EventLoop
  let name: Int
  var log: (Int, UInt64) -> Void = { _, _ in }
  init(_ loop: EventLoop, _ name: Int) {
    self.loop = loop
    self.name = name
  }
  override func deadlineReached() { log(name, loop.nowMs) }
}

@Suite struct TimerWheelTests {
  /// Runs the loop until `count` alarms rang, or `limitMs` passed.
  private func ring(_ delays: [UInt64], limitMs: UInt64 = 3000, also: (EventLoop, [Alarm]) -> Void = { _, _ in }) -> [(
    name: Int, late: Int64
  )] {
    let loop = EventLoop()
    var rang: [(name: Int, late: Int64)] = []
    let start = loop.nowMs
    var alarms: [Alarm] = []
    for (index, delay) in delays.enumerated() {
      let alarm = Alarm(loop, index)
      alarm.log = { name, now in
        rang.append((name, Int64(now) - Int64(start + delay)))
        if rang.count == delays.count { loop.stop() }
      }
      loop.timers.schedule(alarm, afterMs: delay)
      alarms.append(alarm)
    }
    also(loop, alarms)
    let limit = LoopTimer(loop: loop, afterMs: limitMs, keepsLoopAlive: true) { loop.stop() }
    loop.run()
    limit.stop()
    for alarm in alarms { loop.timers.forget(alarm) }
    return rang
  }

  @Test func deadlinesAreNeverEarlyAndInOrder() {
    // Two slots apart: within one slot there is no order.
    let rang = ring([400, 70, 140, 260, 330, 200, 0])
    #expect(rang.map(\.name) == [6, 1, 2, 5, 3, 4, 0])
    #expect(rang.allSatisfy { $0.late >= 0 })
  }

  @Test func movingADeadlineAwayMovesTheAlarm() {
    let rang = ring([40, 90]) { loop, alarms in loop.timers.schedule(alarms[0], afterMs: 300) }
    #expect(rang.map(\.name) == [1, 0])
  }

  @Test func movingADeadlineNearerMovesTheAlarm() {
    let rang = ring([5000, 200], limitMs: 1500) { loop, alarms in loop.timers.schedule(alarms[0], afterMs: 20) }
    #expect(rang.map(\.name) == [0, 1])
  }

  @Test func aCancelledDeadlineDoesNotRing() {
    let rang = ring([40, 120], limitMs: 300) { loop, alarms in loop.timers.cancel(alarms[0]) }
    #expect(rang.map(\.name) == [1])
  }

  /// Re-linking while others expire once made the wheel skip the slots between.
  @Test func anAlarmThatIsPutOffDoesNotSkipItsNeighbours() {
    let delays: [UInt64] = [30, 60, 95, 130, 160, 190]
    let rang = ring(delays, limitMs: 2000) { loop, alarms in
      // The first one's slot comes, its deadline has moved: the wheel links it again in the middle of a sweep.
      loop.timers.schedule(alarms[0], afterMs: 170)
      let until = EventLoop.nowNs + 250_000_000
      while EventLoop.nowNs < until {}
    }
    #expect(rang.count == delays.count)
    #expect(rang.allSatisfy { $0.late < 500 })
  }
}

@Suite struct LoopTests {
  @Test func messagesFromAnotherThreadArriveInOrder() async {
    let received = await withCheckedContinuation { (continuation: CheckedContinuation<[Int], Never>) in
      let loop = EventLoop()
      var seen: [Int] = []
      let mailbox = Mailbox<Int>(loop: loop) { number in
        seen.append(number)
        if seen.count == 1000 { loop.stop() }
      }
      let sender = Task.detached { for number in 0..<1000 { mailbox.send(number) } }
      loop.run()
      _ = sender
      continuation.resume(returning: seen)
    }
    #expect(received == Array(0..<1000))
  }
}
