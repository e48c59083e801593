public import Auth
import Bytes
import Glibc
import HTTP
public import Loop
public import Router
public import TLS
public import Telemetry

/// One thread's share of the proxy: its loop, listeners, connections, pool, snapshot and scratch memory. Workers share
/// nothing; other threads reach one by its mailbox only.
public final class Worker {
  public let index: Int
  public let loop = EventLoop()
  public internal(set) var settings: EngineSettings
  public internal(set) var table: RouteTable
  public let counters: WorkerCounters
  public let log: AccessLogBuffer?
  /// Answers requests of `api` listeners; nil on workers that have none.
  public var localService: LocalService?

  // What the control side gives and is told.
  /// Seals of grants and cookies; nil where there is no control side.
  public internal(set) var keys: CredentialKeys?
  /// Takes what the control side is told; called on this thread.
  public var whenReporting: ((RouteReport) -> Void)?
  /// Where requests to `api.<domain>` and `<id>.<domain>` go; nil refuses them.
  public var control: UpstreamTarget?
  var parkedCount = 0 {
    didSet { counters.set(.requestsParked, to: UInt64(parkedCount)) }
  }
  /// What to do with the control side's answer about a single-use link, by ticket.
  var redemptions: [UInt64: (Bool) -> Void] = [:]
  var lastTicket: UInt64 = 0
  var linksReportedMs: [UInt64: UInt64] = [:]
  var denials: [Denial: Int] = [:]

  let pool: UpstreamPool
  var connections: ContiguousArray<DownstreamConnection> = []
  var listeners: [Listener] = []
  /// How TLS upstreams are verified; nil where there are none.
  /// The flag asks for a connection that will be upgraded, which HTTP/2 has no part in.
  public var upstreamTLS: ((UpstreamTarget, _ isForUpgrade: Bool) -> TLSClientContext?)?
  var random: RandomSource
  var date = DateText()
  /// Wall clock minus the loop's clock, so that the time of day costs no system call per request.
  private var wallOffsetNs: UInt64 = 0
  var isDraining = false
  var drainDeadlineMs: UInt64 = 0
  var whenDrained: (() -> Void)?

  // Scratch that is used up within one call chain. Nothing may keep a pointer into it.
  static let plaintextBytes = 65_536
  let plaintext: UnsafeMutablePointer<UInt8> = .allocate(capacity: Worker.plaintextBytes)
  let ciphertext = TLSOutput()
  /// Plaintext on its way out, gathered into one write: a head, its first body bytes, chunk framing.
  let out: UnsafeMutablePointer<UInt8> = .allocate(capacity: Worker.outBytes)
  var outCount = 0
  /// The largest head that can be configured (1 MiB) and what we add, a read's worth of body, and chunk framing. Pages
  /// that are never touched cost nothing.
  static let outBytes = 1_048_576 + 262_144
  /// The same towards upstreams: a head, one read's worth of body, chunk framing.
  let upstreamOut: UnsafeMutablePointer<UInt8> = .allocate(capacity: Worker.upstreamOutBytes)
  static let upstreamOutBytes = 1_048_576 + 262_144
  let fields: UnsafeMutablePointer<HeaderField>
  /// The most that `limits.headFields` can allow, and ours on top: heads for HTTP/2 upstreams are read back whole.
  static let fieldsMax = 1024 + 32

  private var exchangesFree: ContiguousArray<Exchange> = []

  public init(index: Int, settings: EngineSettings, table: RouteTable, counters: WorkerCounters, log: AccessLogBuffer?)
  {
    self.index = index
    self.settings = settings
    self.table = table
    self.counters = counters
    self.log = log
    pool = UpstreamPool()
    random = RandomSource()
    fields = .allocate(capacity: Worker.fieldsMax)
    pool.worker = self
    readWallClock()
  }

  /// Nanoseconds since 1970 of the moment that the loop's clock calls `monotonicNs`.
  func wallNs(_ monotonicNs: UInt64) -> UInt64 { monotonicNs &+ wallOffsetNs }

  /// Seconds since 1970, as of this turn of the loop.
  var wallSeconds: UInt64 { wallNs(loop.nowMs &* 1_000_000) / 1_000_000_000 }

  private func readWallClock() {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    wallOffsetNs = UInt64(now.tv_sec) &* 1_000_000_000 &+ UInt64(now.tv_nsec) &- EventLoop.nowNs
  }

  deinit {
    plaintext.deallocate()
    out.deallocate()
    upstreamOut.deallocate()
    fields.deallocate()
  }

  public func run() {
    heartbeat = LoopTimer(loop: loop, afterMs: 1000, everyMs: 1000) { [unowned self] in beat() }
    if let log { logTimer = LoopTimer(loop: loop, afterMs: 200, everyMs: 200) { log.flush() } }
    loop.run()
  }

  private var heartbeat: LoopTimer?
  private var logTimer: LoopTimer?
  private var lastBeatNs: UInt64 = 0

  /// Once a second: how late are we, what can go.
  private func beat() {
    let now = EventLoop.nowNs
    if lastBeatNs > 0 {
      let late = now &- lastBeatNs
      counters.record(.loopLag, us: late > 1_000_000_000 ? (late - 1_000_000_000) / 1000 : 0)
    }
    lastBeatNs = now
    pool.sweep()
    reportTraffic()
    readWallClock()
    if exchangesFree.count > Worker.exchangesKept {
      exchangesFree.removeLast(exchangesFree.count - Worker.exchangesKept)
    }
  }

  // MARK: Exchanges

  func takeExchange() -> Exchange { exchangesFree.popLast() ?? Exchange(worker: self) }

  /// Always kept until the next heartbeat: the caller may still be inside one of the exchange's own methods.
  func giveExchange(_ exchange: Exchange) { exchangesFree.append(exchange) }

  static let exchangesKept = 1024

  func clientContext(for target: UpstreamTarget, isForUpgrade: Bool) -> TLSClientContext? {
    upstreamTLS?(target, isForUpgrade)
  }

  // MARK: Connections

  func add(_ connection: DownstreamConnection) {
    connection.place = connections.count
    connections.append(connection)
  }

  func remove(_ connection: DownstreamConnection) {
    let place = connection.place
    guard place >= 0, place < connections.count, connections[place] === connection else { return }
    let last = connections.removeLast()
    if last !== connection {
      connections[place] = last
      last.place = place
    }
    connection.place = -1
    if isDraining, connections.isEmpty { finishDrain() }
  }

  // MARK: Changes from the control side, on this thread

  public func apply(settings: EngineSettings) { self.settings = settings }

  // MARK: Draining

  /// Stops accepting, tells clients to go elsewhere, lets exchanges finish until `settings.drainMs`, then closes.
  public func drain(_ done: @escaping () -> Void) {
    if isDraining { return }
    isDraining = true
    whenDrained = done
    for listener in listeners { listener.close() }
    listeners = []
    if connections.isEmpty {
      finishDrain()
      return
    }
    for connection in connections { connection.drain() }
    drainTimer = LoopTimer(loop: loop, afterMs: settings.drainMs, keepsLoopAlive: true) { [unowned self] in
      for connection in connections { connection.endNow() }
      // Close frames and the last bytes get a moment; then the door shuts.
      drainTimer = LoopTimer(loop: loop, afterMs: 1000, keepsLoopAlive: true) { [unowned self] in
        // The last one to be gone finishes the drain: what it cut short is in the log by then.
        for connection in connections { connection.close() }
      }
    }
  }

  private var drainTimer: LoopTimer?

  private func finishDrain() {
    drainTimer?.stop()
    drainTimer = nil
    log?.finish()
    let done = whenDrained
    whenDrained = nil
    done?()
  }
}

/// Request and trace ids: unique, not secret. xoshiro256** seeded by the kernel, one per worker.
struct RandomSource {
  private var s: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  init() {
    // The system's generator is the kernel's; four words of it seed ours.
    var system = SystemRandomNumberGenerator()
    s = (system.next(), system.next(), system.next(), system.next())
  }

  mutating func next() -> UInt64 {
    let result = rotl(s.1 &* 5, 7) &* 9
    let t = s.1 << 17
    s.2 ^= s.0
    s.3 ^= s.1
    s.1 ^= s.2
    s.0 ^= s.3
    s.2 ^= t
    s.3 = rotl(s.3, 45)
    return result
  }

  private func rotl(_ x: UInt64, _ k: UInt64) -> UInt64 { (x << k) | (x >> (64 - k)) }
}
