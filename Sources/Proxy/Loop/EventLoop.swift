public import Bytes
import CUV

/// One libuv loop, run by the thread that calls `run`. Everything made on it belongs to that thread alone.
///
/// A turn is: timers, poll, then `turnEnded` of every object that asked for it, then closed handles. Work that several
/// events of one turn feed (frames of many streams on one connection, say) waits for `turnEnded` and becomes one write.
public final class EventLoop {
  let uv: UnsafeMutablePointer<uv_loop_t>
  private let check: UnsafeMutablePointer<uv_check_t>
  private let prepare: UnsafeMutablePointer<uv_prepare_t>
  public let slabs = SlabPool()
  public private(set) var timers: TimerWheel! = nil
  /// One read lands here and is used up (or copied) before the next read of the loop.
  let readSlab: Slab
  static let readBytes = 65_536

  private var waiting: ContiguousArray<Unmanaged<TurnObserver>?> = []
  private var ending: ContiguousArray<Unmanaged<TurnObserver>?> = []

  public init() {
    uv = .allocate(capacity: 1)
    check = .allocate(capacity: 1)
    prepare = .allocate(capacity: 1)
    readSlab = Slab(base: .allocate(capacity: EventLoop.readBytes), capacity: EventLoop.readBytes)
    precondition(uv_loop_init(uv) == 0, "the kernel refused an event loop (epoll or eventfd)")
    waiting.reserveCapacity(1024)
    ending.reserveCapacity(1024)
    timers = TimerWheel(loop: uv)
    let me = Unmanaged.passUnretained(self).toOpaque()
    uv_check_init(uv, check)
    check.pointee.data = me
    uv_prepare_init(uv, prepare)
    prepare.pointee.data = me
    uv_check_start(check) { handle in EventLoop.from(handle!.pointee.data)._withUnsafeGuaranteedRef { $0.endTurn() } }
    uv_prepare_start(prepare) { handle in EventLoop.from(handle!.pointee.data)._withUnsafeGuaranteedRef { $0.endTurn() }
    }
    // These two run every turn, but alone they are no reason to stay alive.
    UnsafeMutableRawPointer(check).withMemoryRebound(to: uv_handle_t.self, capacity: 1) { uv_unref($0) }
    UnsafeMutableRawPointer(prepare).withMemoryRebound(to: uv_handle_t.self, capacity: 1) { uv_unref($0) }
  }

  static func from(_ data: UnsafeMutableRawPointer?) -> Unmanaged<EventLoop> { Unmanaged.fromOpaque(data!) }

  /// Milliseconds of a monotonic clock, read once per turn.
  public var nowMs: UInt64 { uv_now(uv) }

  /// Nanoseconds of the same clock, read now.
  public static var nowNs: UInt64 { uv_hrtime() }

  /// Runs until `stop` is called or nothing is left to wait for.
  public func run() { uv_run(uv, UV_RUN_DEFAULT) }

  public func stop() { uv_stop(uv) }

  /// Calls `observer.turnEnded()` once at the end of this turn.
  @inline(__always)
  func observeTurn(_ observer: TurnObserver) { waiting.append(Unmanaged.passUnretained(observer)) }

  func forget(_ observer: TurnObserver) {
    let pointer = Unmanaged.passUnretained(observer).toOpaque()
    waiting.removeAll { $0?.toOpaque() == pointer }
    for index in ending.indices where ending[index]?.toOpaque() == pointer { ending[index] = nil }
  }

  private func endTurn() {
    // An observer may ask again while it is called: that is another round, since it must not wait for the next event.
    while !waiting.isEmpty {
      swap(&waiting, &ending)
      var index = 0
      while index < ending.count {
        let next = ending[index]
        next?._withUnsafeGuaranteedRef { observer in
          observer.isObservingTurn = false
          observer.turnEnded()
        }
        index &+= 1
      }
      ending.removeAll(keepingCapacity: true)
    }
  }

  /// The number of pending handles, for leak checks.
  public var isAlive: Bool { uv_loop_alive(uv) != 0 }
}

/// Something that wants to be called once when the loop's turn ends.
open class TurnObserver {
  var isObservingTurn = false

  public init() {}

  /// Asks for one `turnEnded`; asking again before it comes changes nothing.
  @inline(__always)
  public final func observeTurnEnd(of loop: EventLoop) {
    if isObservingTurn { return }
    isObservingTurn = true
    loop.observeTurn(self)
  }

  public final func forgetTurnEnd(of loop: EventLoop) {
    guard isObservingTurn else { return }
    isObservingTurn = false
    loop.forget(self)
  }

  open func turnEnded() {}
}

/// libuv's error numbers as a type: negative errno values, `UV_EOF` apart.
public struct LoopError: Error, Equatable, Sendable, CustomStringConvertible {
  public let code: Int32

  public init(code: Int32) { self.code = code }

  public static let refused = LoopError(code: UV_ECONNREFUSED.rawValue)
  public static let timedOut = LoopError(code: UV_ETIMEDOUT.rawValue)
  public static let reset = LoopError(code: UV_ECONNRESET.rawValue)
  /// A Unix socket that is not there (yet).
  public static let missing = LoopError(code: UV_ENOENT.rawValue)
  public static let canceled = LoopError(code: UV_ECANCELED.rawValue)

  public var description: String {
    var buffer = [CChar](repeating: 0, count: 128)
    uv_strerror_r(code, &buffer, buffer.count)
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
