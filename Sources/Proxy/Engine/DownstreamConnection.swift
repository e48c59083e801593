import Bytes
import HTTP
import HTTP1
import HTTP2
import Loop
import Router
import TLS
import Telemetry

/// A client's connection: PROXY head, TLS, then HTTP/1.1 or HTTP/2. It owns the framing; what a request means is its
/// exchange's business.
final class DownstreamConnection: Transport {
  let listener: Listener
  /// Place in `Worker.connections`.
  var place = -1
  /// The client: the peer, or whom a trusted proxy said it speaks for.
  var client = SocketAddress(ip: IPAddress(high: 0, low: 0), port: 0)
  private(set) var isPeerTrusted = false
  private var acceptedNs: UInt64 = 0
  private var awaitsProxyHead = false
  /// The handshake was finished once; the session may have failed since.
  private var isEstablished = false

  // HTTP/1.1
  var exchange: Exchange?
  var reading = Reading.head
  var scan = HeadScan()
  /// A part of a head is there, and its deadline runs.
  var isHeadBegun = false
  var chunks = ChunkedDecoder()
  var keepsAlive = true
  private var lingersUntilMs: UInt64 = 0
  private var lingerQueued = 0
  private var discardedBytes = 0
  /// The client will send nothing more.
  private var isClientEnded = false

  // HTTP/2
  var h2: HTTP2Session?
  var isShuttingDown = false
  /// The GOAWAY that names the last stream that is served is on its way.
  var isGoAwaySent = false
  /// The stream whose header block has begun, while the clock for the rest of it runs; 0 for none.
  var headOwed: Int32 = 0
  // A leaky bucket of frames that bring nothing.
  var idleFramesSeen = 0
  var idleFramesHeld = 0
  var idleFramesAtMs: UInt64 = 0

  /// What the next input byte is part of.
  enum Reading {
    /// A request head, or nothing yet.
    case head
    case body(remaining: UInt64)
    case chunked
    /// Both directions are the application's.
    case tunnel
    /// Nothing matters any more: read and forget until the peer closes (RFC 9112 §9.6).
    case discard
  }

  init(worker: Worker, listener: Listener) {
    self.listener = listener
    super.init(worker: worker)
  }

  var isTLS: Bool { listener.settings.kind == .https }
  var isHTTP2: Bool { h2 != nil }

  // MARK: Life

  func accepted() {
    worker.add(self)
    acceptedNs = EventLoop.nowNs
    switch listener.settings.kind {
    case .https: count(.acceptedHTTPS, .openHTTPS)
    case .redirect: count(.acceptedHTTP, .openHTTP)
    // Those who look after us are no clients.
    case .api: break
    }
    let limit = worker.settings.connectionsMax
    let peer = listener.isInternal ? client : peerAddress
    guard limit == 0 || worker.connections.count <= limit, let peer else {
      close()
      return
    }
    client = peer
    isPeerTrusted = !listener.settings.trustedProxies.isEmpty && listener.trusts(peer.ip)
    awaitsProxyHead = listener.expectsProxyHead(peer.ip)
    if isTLS {
      guard let context = listener.tls, let session = TLSSession(server: context, output: worker.ciphertext) else {
        close()
        return
      }
      tls = session
      loop.timers.schedule(self, afterMs: worker.settings.handshakeMs)
    } else {
      loop.timers.schedule(self, afterMs: worker.settings.requestHeadMs)
    }
    startReading()
  }

  private func count(_ accepted: Metric, _ open: Metric) {
    worker.counters.add(accepted)
    worker.counters.increment(open)
  }

  override func closed() {
    super.closed()
    // A connection that could not be accepted was never counted.
    if place < 0 { return }
    switch listener.settings.kind {
    case .https: worker.counters.decrement(.openHTTPS)
    case .redirect: worker.counters.decrement(.openHTTP)
    case .api: break
    }
    abandonExchanges()
    worker.remove(self)
  }

  /// The client is gone: whatever runs for it ends.
  func abandonExchanges() {
    if let exchange {
      self.exchange = nil
      exchange.downstreamLost()
    }
    if let h2 {
      // Ending the session reports every stream as closed; owners are told one by one.
      for stream in h2.allStreams() {
        if stream.isCounted {
          stream.isCounted = false
          worker.counters.decrement(.http2StreamsOpen)
        }
        guard let owner = stream.owner else { continue }
        stream.owner = nil
        Unmanaged<Exchange>.fromOpaque(owner)._withUnsafeGuaranteedRef { $0.downstreamLost() }
      }
    }
  }

  override func countReceived(_ bytes: Int) { worker.counters.add(.downstreamBytesReceived, UInt64(bytes)) }
  override func countSent(_ bytes: Int) { worker.counters.add(.downstreamBytesSent, UInt64(bytes)) }

  override func deadlineReached() {
    if isClosing { return }
    if tls != nil, !isEstablished {
      worker.counters.add(.handshakesFailed)
      close()
      return
    }
    if isHTTP2 {
      http2IdleReached()
      return
    }
    switch reading {
    case .discard: lingerReached()
    case .head where exchange == nil:
      if heldCount == 0 { closeIdle() } else { refuse(.timeout) }
    case .body, .chunked:
      // The client owes us body bytes, unless it is we who do not read.
      if pauseReasons.isEmpty {
        exchange?.requestTimedOut()
      } else {
        loop.timers.schedule(self, afterMs: worker.settings.requestBodyIdleMs)
      }
    case .head, .tunnel: break
    }
  }

  private func closeIdle() {
    finishWriting()
    linger()
  }

  // MARK: TLS

  override func handshakeCompleted() {
    guard let tls else { return }
    isEstablished = true
    worker.counters.add(.handshakesDone)
    if tls.isResumed { worker.counters.add(.handshakesResumed) }
    worker.counters.record(.handshake, us: (EventLoop.nowNs &- acceptedNs) / 1000)
    if tls.negotiated == .http2 {
      beginHTTP2()
    } else {
      loop.timers.schedule(self, afterMs: worker.settings.requestHeadMs)
    }
  }

  override func tlsFailed(_ failure: TLSFailure) {
    if case .discard = reading {
      // A session that failed before fails again for every byte that still comes.
      discarded(1)
      return
    }
    if !isEstablished {
      worker.counters.add(.handshakesFailed)
      if failure == .plainHTTP {
        // The client cannot read TLS: tell it so in the clear.
        self.tls = nil
        refuse(.plainHTTPOnTLS)
        return
      }
    }
    // Nobody is there to answer any more.
    abandonExchanges()
    if isHTTP2 {
      close()
      return
    }
    // Let the alert go out before the door closes.
    shutdownWrite()
    linger()
  }

  // MARK: Input

  override func readCompleted(_ base: UnsafeMutablePointer<UInt8>, _ count: Int) {
    guard awaitsProxyHead else {
      super.readCompleted(base, count)
      return
    }
    hold(base, count)
    guard let held else { return }
    switch ProxyHead.parse(held.base, count: heldCount) {
    case .incomplete: return
    case .malformed:
      close()
    case .complete(let consumed, let source):
      awaitsProxyHead = false
      if let source { client = source }
      let left = heldCount - consumed
      let slab = held
      self.held = nil
      heldCount = 0
      if left > 0 { super.readCompleted(slab.base + consumed, left) }
      loop.slabs.give(slab)
    }
  }

  override func received(_ base: UnsafeMutablePointer<UInt8>, _ count: Int) {
    if h2 != nil {
      receivedHTTP2(base, count)
    } else {
      receivedHTTP1(base, count)
    }
  }

  override func ended(_ error: LoopError?) {
    if isClosing { return }
    if case .tunnel = reading, error == nil, let exchange {
      exchange.tunnelEndedByClient()
      return
    }
    if error == nil, exchange == nil, h2 == nil, bytesQueued > 0 {
      // It waits for the rest of its answer.
      isClientEnded = true
      if case .discard = reading { return }
      finishWriting()
      linger()
      return
    }
    // RFC 8446 §6.1: whoever closes says so first.
    if error == nil, bytesQueued == 0 { finishWriting() }
    close()
  }

  // MARK: Held input

  override func takeHeldInput() {
    if !isHTTP2 { processHeld() }
  }

  // MARK: Output

  /// Sends what was gathered in the worker's `out`.
  @discardableResult
  func flushOut() -> Bool {
    let count = worker.outCount
    if count == 0 { return true }
    worker.outCount = 0
    return send(worker.out, count)
  }

  override func writeDrained() {
    if isHTTP2 {
      resume(.peerFull)
      observeTurnEnd(of: loop)
    } else if case .discard = reading, exchange == nil {
      if bytesQueued > 0 { return }
      if isClientEnded { close() } else { linger() }
    } else if let exchange {
      exchange.downstreamDrained()
    } else {
      resume(.pipelined)
    }
  }

  override func writeFailed(_ error: LoopError) { close() }

  /// Closing is never immediate: whoever was sending goes on until `closed` tells its exchange.
  override func sendFailed() { close() }

  override func turnWork() {
    if isHTTP2 { flushHTTP2() }
  }

  // MARK: Ending

  /// Reads and forgets for a moment after our last byte, so that the client gets it instead of a reset.
  func linger() {
    if isClosing { return }
    dropHeld()
    reading = .discard
    if lingersUntilMs == 0 { lingersUntilMs = loop.nowMs + 30_000 }
    lingerQueued = bytesQueued
    loop.timers.schedule(self, afterMs: bytesQueued > 0 ? worker.settings.requestBodyIdleMs : 2_000)
    resumeAll()
  }

  /// A slow reader still gets its last bytes, as long as it takes some.
  func lingerReached() {
    if bytesQueued > 0, bytesQueued < lingerQueued { linger() } else { close() }
  }

  /// Input that nobody wants. A client that sends its whole body before it reads gets to our answer; one that never stops
  /// is not waited for.
  func discarded(_ count: Int) {
    discardedBytes += count
    let now = loop.nowMs
    guard discardedBytes < 256 << 20, now < lingersUntilMs || lingersUntilMs == 0 else {
      close()
      return
    }
    if bytesQueued == 0, exchange == nil { loop.timers.schedule(self, afterMs: 2_000) }
  }

  private func resumeAll() {
    resume(.peerFull)
    resume(.pipelined)
    resume(.awaitingUpstream)
    startReading()
  }

  /// The worker drains: idle connections go now, busy ones after what they do.
  func drain() {
    if isClosing { return }
    if isHTTP2 {
      drainHTTP2()
    } else if exchange == nil {
      if heldCount == 0 { closeIdle() } else { keepsAlive = false }
    } else {
      keepsAlive = false
    }
  }

  /// The drain is over: tunnels get their close frame, everything else is cut.
  func endNow() {
    if isClosing { return }
    if isHTTP2 {
      endHTTP2Now()
    } else if let exchange, case .tunnel = reading {
      exchange.endTunnelAtBoundary(.draining)
    } else {
      close()
    }
  }
}
