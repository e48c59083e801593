import Bytes
import HTTP
import HTTP1
import Loop
import Telemetry

extension DownstreamConnection {
  func receivedHTTP1(_ base: UnsafeMutablePointer<UInt8>, _ count: Int) {
    if heldCount > 0 {
      hold(base, count)
      processHeld()
      return
    }
    let consumed = process(base, count)
    if consumed < count, !isClosing { hold(base + consumed, count - consumed) }
  }

  func processHeld() {
    guard let slab = held else { return }
    let consumed = process(slab.base, heldCount)
    // Processing may have ended in `linger`, which drops what is held.
    guard let still = held, still.base == slab.base else { return }
    let left = heldCount - consumed
    if left == 0 {
      dropHeld()
    } else if consumed > 0 {
      still.base.update(from: still.base + consumed, count: left)
      heldCount = left
    }
  }

  /// Takes as much as can be used now and returns how much that was.
  private func process(_ base: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
    var at = 0
    while at < count, !isClosing {
      switch reading {
      case .discard:
        discarded(count - at)
        return count
      case .tunnel:
        exchange?.tunnelReceived(base + at, count - at)
        return count
      case .head:
        // The answers before it are not taken yet: a client that asks and does not read must not fill our memory.
        guard exchange == nil, bytesQueued <= Transport.highMark else {
          pause(.pipelined)
          return at
        }
        let step = takeHead(base + at, count - at)
        if step < 0 { return count }
        if step == 0 { return at }
        at += step
      case .body(let remaining):
        guard let exchange, exchange.acceptsBody else {
          pause(.awaitingUpstream)
          return at
        }
        let part = Int(min(remaining, UInt64(count - at)))
        let left = remaining - UInt64(part)
        reading = left == 0 ? .head : .body(remaining: left)
        if left > 0 { loop.timers.schedule(self, afterMs: worker.settings.requestBodyIdleMs) }
        exchange.requestBody(base + at, part)
        at += part
        if left == 0 { self.exchange?.requestEnded(trailers: nil) }
      case .chunked:
        guard let exchange, exchange.acceptsBody else {
          pause(.awaitingUpstream)
          return at
        }
        let step = takeChunk(base + at, count - at, exchange)
        if step < 0 { return count }
        if step == 0 { return at }
        at += step
      }
    }
    return at
  }

  /// Bytes taken; 0 when more are needed; negative when the connection is done with input.
  private func takeHead(_ base: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
    var head = RequestHead(headers: HeaderList(base: UnsafePointer(base), fields: worker.fields, count: 0))
    switch RequestHeadParser.parse(
      base, count: count, scan: &scan, limits: worker.settings.head, fields: worker.fields, into: &head)
    {
    case .incomplete:
      if !isHeadBegun {
        isHeadBegun = true
        loop.timers.schedule(self, afterMs: worker.settings.requestHeadMs)
      }
      return 0
    case .refused(let error):
      refuse(error.refusal)
      return -1
    case .complete(let consumed):
      scan.reset()
      isHeadBegun = false
      keepsAlive = head.keepAlive && !worker.isDraining
      switch head.body {
      case .none, .untilEnd: reading = .head
      case .length(let length): reading = length == 0 ? .head : .body(remaining: length)
      case .chunked:
        reading = .chunked
        chunks = ChunkedDecoder()
      }
      worker.counters.add(.requestsHTTP1)
      loop.timers.schedule(self, afterMs: worker.settings.requestBodyIdleMs)
      let exchange = worker.takeExchange()
      self.exchange = exchange
      exchange.begin(on: self, stream: nil, head: head)
      return consumed
    }
  }

  private func takeChunk(_ base: UnsafeMutablePointer<UInt8>, _ count: Int, _ exchange: Exchange) -> Int {
    switch chunks.next(base, count: count) {
    case .needMore(let consumed):
      loop.timers.schedule(self, afterMs: worker.settings.requestBodyIdleMs)
      return consumed
    case .data(let consumed, let payload):
      loop.timers.schedule(self, afterMs: worker.settings.requestBodyIdleMs)
      exchange.requestBody(base + Int(payload.start), Int(payload.count))
      return consumed
    case .trailers(let consumed, let bytes):
      let fields = worker.fields
      guard let fieldCount = TrailerParser.parse(base + Int(bytes.start), count: Int(bytes.count), fields: fields)
      else {
        exchange.requestMalformed()
        return -1
      }
      reading = .head
      exchange.requestEnded(
        trailers: HeaderList(base: UnsafePointer(base + Int(bytes.start)), fields: fields, count: fieldCount))
      return consumed
    case .end(let consumed):
      reading = .head
      exchange.requestEnded(trailers: nil)
      return consumed
    case .malformed:
      exchange.requestMalformed()
      return -1
    }
  }

  /// Answers a request whose head could not be used; the connection ends with it.
  func refuse(_ refusal: Refusal) {
    keepsAlive = false
    reading = .discard
    let exchange = worker.takeExchange()
    self.exchange = exchange
    exchange.beginRefused(on: self, stream: nil, refusal)
  }

  /// The current exchange has sent its last byte.
  func exchangeEnded() {
    exchange = nil
    if isClosing { return }
    var isRequestComplete = false
    if case .head = reading { isRequestComplete = true }
    guard keepsAlive, isRequestComplete, !worker.isDraining else {
      finishWriting()
      linger()
      return
    }
    loop.timers.schedule(self, afterMs: worker.settings.keepAliveIdleMs)
    resume(.peerFull)
    resume(.awaitingUpstream)
    resume(.pipelined)
    if heldCount > 0 { observeTurnEnd(of: loop) }
  }

  /// The exchange broke after its head was sent: only a cut connection can say so (RFC 9112 §8). What came before the
  /// break is still delivered, since the last words of a process that died are the interesting ones; then comes a FIN
  /// without close_notify.
  func exchangeBroke(endsWithConnection: Bool) {
    exchange = nil
    if endsWithConnection {
      // Clients that take any end for a good one notice a reset.
      abort()
      return
    }
    shutdownWrite()
    linger()
  }
}
