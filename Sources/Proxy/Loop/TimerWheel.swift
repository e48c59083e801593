import CUV

/// An object with one deadline. Moving a deadline further away costs two stores: the wheel looks again when the old
/// time comes. So a connection may set a new idle deadline on every request.
open class Deadlined: TurnObserver {
  fileprivate var nextTimed: Unmanaged<Deadlined>?
  fileprivate var previousTimed: Unmanaged<Deadlined>?
  fileprivate var slot: Int32 = -1
  fileprivate var slotTick: UInt64 = 0
  /// Milliseconds of the loop's clock; 0 means none.
  public fileprivate(set) final var deadlineMs: UInt64 = 0

  override public init() {}

  /// Called once when the deadline has passed. The object has no deadline then and may set one.
  open func deadlineReached() {}
}

/// A hashed timing wheel (Varghese and Lauck, 1987): 1,024 slots of 32 ms. One libuv timer is armed for the first slot
/// that has somebody in it, so a sleeping worker really sleeps. Deadlines are met late by at most one slot, never early.
public final class TimerWheel {
  static let slotMs: UInt64 = 32
  static let slots = 1024

  private let timer: UnsafeMutablePointer<uv_timer_t>
  private let loop: UnsafeMutablePointer<uv_loop_t>
  private let heads: UnsafeMutablePointer<Unmanaged<Deadlined>?>
  private let occupied: UnsafeMutablePointer<UInt64>
  private var tick: UInt64
  private var armedTick: UInt64 = .max
  /// Objects in the wheel.
  private var linked = 0

  init(loop: UnsafeMutablePointer<uv_loop_t>) {
    self.loop = loop
    timer = .allocate(capacity: 1)
    heads = .allocate(capacity: TimerWheel.slots)
    heads.initialize(repeating: nil, count: TimerWheel.slots)
    occupied = .allocate(capacity: TimerWheel.slots / 64)
    occupied.initialize(repeating: 0, count: TimerWheel.slots / 64)
    tick = uv_now(loop) / TimerWheel.slotMs
    uv_timer_init(loop, timer)
    timer.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    UnsafeMutableRawPointer(timer).withMemoryRebound(to: uv_handle_t.self, capacity: 1) { uv_unref($0) }
  }

  /// Sets or moves the deadline of `object` to `delayMs` from now.
  public func schedule(_ object: Deadlined, afterMs delayMs: UInt64) {
    let due = uv_now(loop) &+ delayMs
    object.deadlineMs = due
    let wanted = due / TimerWheel.slotMs &+ 1
    if object.slot >= 0 {
      if object.slotTick <= wanted { return }
      unlink(object)
    }
    link(object, at: wanted)
  }

  public func cancel(_ object: Deadlined) {
    object.deadlineMs = 0
    // Left in its slot: it costs nothing until that slot's time, and is most often set again before.
  }

  /// Takes the object out for good: it is about to be freed.
  public func forget(_ object: Deadlined) {
    object.deadlineMs = 0
    if object.slot >= 0 { unlink(object) }
  }

  private func link(_ object: Deadlined, at wanted: UInt64) {
    let now = uv_now(loop) / TimerWheel.slotMs
    // An empty wheel stood still; nothing is skipped by setting it.
    if linked == 0, tick < now { tick = now }
    linked &+= 1
    let first = tick &+ 1
    let at = max(first, min(wanted, tick &+ UInt64(TimerWheel.slots) &- 1))
    let slot = Int(at % UInt64(TimerWheel.slots))
    object.slot = Int32(slot)
    object.slotTick = at
    object.previousTimed = nil
    object.nextTimed = heads[slot]
    heads[slot]?._withUnsafeGuaranteedRef { $0.previousTimed = Unmanaged.passUnretained(object) }
    heads[slot] = Unmanaged.passUnretained(object)
    occupied[slot >> 6] |= 1 << UInt64(slot & 63)
    if at < armedTick { arm(at) }
  }

  private func unlink(_ object: Deadlined) {
    linked &-= 1
    let slot = Int(object.slot)
    if let previous = object.previousTimed {
      previous._withUnsafeGuaranteedRef { $0.nextTimed = object.nextTimed }
    } else {
      heads[slot] = object.nextTimed
      if heads[slot] == nil { occupied[slot >> 6] &= ~(1 << UInt64(slot & 63)) }
    }
    object.nextTimed?._withUnsafeGuaranteedRef { $0.previousTimed = object.previousTimed }
    object.nextTimed = nil
    object.previousTimed = nil
    object.slot = -1
  }

  private func arm(_ at: UInt64) {
    armedTick = at
    let now = uv_now(loop)
    let due = at &* TimerWheel.slotMs
    uv_timer_start(
      timer,
      { handle in Unmanaged<TimerWheel>.fromOpaque(handle!.pointee.data)._withUnsafeGuaranteedRef { $0.expire() } },
      due > now ? due &- now : 0, 0)
  }

  private func expire() {
    let now = uv_now(loop) / TimerWheel.slotMs
    armedTick = .max
    while tick < now {
      tick &+= 1
      let slot = Int(tick % UInt64(TimerWheel.slots))
      while let first = heads[slot] {
        // Held for the call: a deadline is often the end of the object.
        let object = first.takeUnretainedValue()
        unlink(object)
        let due = object.deadlineMs
        if due == 0 { continue }
        if due > uv_now(loop) {
          link(object, at: due / TimerWheel.slotMs &+ 1)
          continue
        }
        object.deadlineMs = 0
        object.deadlineReached()
      }
    }
    armNext()
  }

  private func armNext() {
    var distance: UInt64 = 1
    while distance < UInt64(TimerWheel.slots) {
      let at = tick &+ distance
      let slot = Int(at % UInt64(TimerWheel.slots))
      let word = occupied[slot >> 6] >> UInt64(slot & 63)
      if word == 0 {
        distance &+= UInt64(64 - slot & 63)
        continue
      }
      let found = at &+ UInt64(word.trailingZeroBitCount)
      if found < armedTick { arm(found) }
      return
    }
  }
}
