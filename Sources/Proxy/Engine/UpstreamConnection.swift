import Bytes
import HTTP
import HTTP1
import HTTP2
import Loop
import Router
import Sandbox
import TLS
import Telemetry

/// A connection to a sandbox's port: HTTP/1.1 with one exchange at a time, HTTP/2 with many, or a tunnel's far half.
final class UpstreamConnection: Transport {
  let bucket: UpstreamBucket
  /// HTTP/1.1: whose turn it is.
  unowned(unsafe) var exchange: Exchange?
  var isIdle = false
  var idleSinceMs: UInt64 = 0
  private let isForUpgrade: Bool

  private var reading = Reading.idle
  private var scan = HeadScan()
  private var chunks = ChunkedDecoder()
  private var keepsAlive = true
  private var isConnected = false

  var h2: HTTP2Session?
  /// Exchanges that wait until this connection's queue is short.
  private var waiting: ContiguousArray<Exchange> = []
  private var isFailing = false

  enum Reading {
    /// Between exchanges: nothing may come.
    case idle
    case head
    case body(remaining: UInt64)
    case chunked
    case untilEnd
    case tunnel
  }

  init(worker: Worker, bucket: UpstreamBucket, isForUpgrade: Bool) {
    self.bucket = bucket
    self.isForUpgrade = isForUpgrade
    super.init(worker: worker)
  }

  var isHTTP2: Bool { h2 != nil }

  // MARK: Dialling

  func dial() -> LoopError? {
    worker.counters.increment(.upstreamConnectionsOpen)
    switch bucket.endpoint {
    case .tcp(let address):
      if let error = connect(to: address) { return error }
    case .unix(let path): connect(toUnixPath: path)
    }
    return nil
  }

  override func connectEnded(_ error: LoopError?) {
    if let error {
      let exchange = exchange
      self.exchange = nil
      close()
      exchange?.dialFailed(error)
      return
    }
    startReading()
    switch bucket.target.upstreamProtocol {
    case .http1: connected()
    case .h2c: isForUpgrade ? connected() : beginHTTP2()
    case .https:
      // Inside a sandbox nothing is verified, and the name that a service there goes by is this one.
      let name = bucket.target.tlsServerName.isEmpty ? "localhost" : bucket.target.tlsServerName
      guard let context = worker.clientContext(for: bucket.target, isForUpgrade: isForUpgrade),
        let session = TLSSession(client: context, serverName: name, output: worker.ciphertext)
      else {
        failExchange(.upstreamTLS)
        return
      }
      tls = session
      beginHandshake()
    }
  }

  private func beginHandshake() {
    // A client speaks first: an empty feed makes the session write its hello.
    startHandshake()
  }

  override func handshakeCompleted() {
    if tls?.negotiated == .http2, !isForUpgrade { beginHTTP2() } else { connected() }
  }

  override func tlsFailed(_ failure: TLSFailure) {
    // After the handshake it is a connection that broke, perhaps in the middle of a response or with many streams.
    if isConnected { ended(.reset) } else { failExchange(.upstreamTLS) }
  }

  private func connected() {
    isConnected = true
    guard let exchange else {
      close()
      return
    }
    exchange.upstreamReady(self, reused: false)
  }

  private func beginHTTP2() {
    isConnected = true
    var settings = HTTP2Settings()
    settings.limits = worker.settings.head
    guard let session = HTTP2Session(role: .client, settings: settings, slabs: loop.slabs) else {
      failExchange(.internalError)
      return
    }
    h2 = session
    idleSinceMs = loop.nowMs
    bucket.share(self)
    observeTurnEnd(of: loop)
    let first = exchange
    exchange = nil
    first?.upstreamReady(self, reused: false)
  }

  private func failExchange(_ refusal: Refusal) {
    let exchange = exchange
    self.exchange = nil
    close()
    exchange?.dialRefused(refusal)
  }

  // MARK: HTTP/1.1

  /// The connection is this exchange's until it is released.
  func begin(_ exchange: Exchange) {
    self.exchange = exchange
    reading = .head
    scan.reset()
    keepsAlive = true
  }

  /// The exchange is done with a connection that is between messages.
  func release() {
    exchange = nil
    guard keepsAlive, case .idle = reading, heldCount == 0, !isClosing else {
      close()
      return
    }
    bucket.put(self)
  }

  override func received(_ base: UnsafeMutablePointer<UInt8>, _ count: Int) {
    if h2 != nil {
      receivedHTTP2(base, count)
      return
    }
    guard let exchange else {
      // Nobody asked: not a connection to trust with the next request.
      close()
      return
    }
    if heldCount > 0 {
      hold(base, count)
      processHeld()
    } else {
      let consumed = process(base, count)
      if consumed < count, !isClosing { hold(base + consumed, count - consumed) }
    }
    // Only if it is still ours: an exchange that ended flushed for itself and may serve somebody else by now.
    if self.exchange === exchange { exchange.flushDownstream() }
  }

  override func takeHeldInput() {
    guard let exchange else { return }
    processHeld()
    if self.exchange === exchange { exchange.flushDownstream() }
  }

  private func processHeld() {
    guard let slab = held else { return }
    let consumed = process(slab.base, heldCount)
    guard let still = held, still.base == slab.base else { return }
    let left = heldCount - consumed
    heldCount = left
    if left == 0 {
      loop.slabs.give(still)
      held = nil
    } else if consumed > 0 {
      still.base.update(from: still.base + consumed, count: left)
    }
  }

  /// Takes what can be used now; returns how much that was.
  private func process(_ base: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
    var at = 0
    while at < count, !isClosing {
      guard let exchange else { return count }
      switch reading {
      case .idle:
        close()
        return count
      case .head:
        let step = takeHead(base + at, count - at, exchange)
        if step <= 0 { return step == 0 ? at : count }
        at += step
      case .body(let remaining):
        let part = Int(min(remaining, UInt64(count - at)))
        let left = remaining - UInt64(part)
        reading = left == 0 ? .idle : .body(remaining: left)
        exchange.responseBody(base + at, part)
        at += part
        if left == 0 {
          complete(trailers: nil, leftover: count - at)
          return count
        }
      case .chunked:
        let step = takeChunk(base + at, count - at, exchange)
        if step <= 0 { return step == 0 ? at : count }
        at += step
      case .untilEnd:
        exchange.responseBody(base + at, count - at)
        return count
      case .tunnel:
        exchange.tunnelFromUpstream(base + at, count - at)
        return count
      }
    }
    return at
  }

  private func takeHead(_ base: UnsafeMutablePointer<UInt8>, _ count: Int, _ exchange: Exchange) -> Int {
    var head = ResponseHead(headers: HeaderList(base: UnsafePointer(base), fields: worker.fields, count: 0))
    switch ResponseHeadParser.parse(
      base, count: count, scan: &scan, limits: worker.settings.head,
      // An extended CONNECT of HTTP/2 went out as a GET (RFC 8441 §5), so its answer has a body like any other.
      method: exchange.method == .connect ? .get : exchange.method, fields: worker.fields, into: &head)
    {
    case .incomplete: return 0
    case .refused(let error):
      exchange.upstreamFailed(error.upstreamRefusal)
      return -1
    case .complete(let consumed):
      scan.reset()
      if head.isInterim { return exchange.responseHead(&head) ? consumed : -1 }
      keepsAlive = head.keepAlive
      guard exchange.responseHead(&head) else { return -1 }
      if exchange.isTunnel {
        reading = .tunnel
        return consumed
      }
      switch head.body {
      case .none, .length(0):
        reading = .idle
        complete(trailers: nil, leftover: count - consumed)
        return -1
      case .length(let length): reading = .body(remaining: length)
      case .chunked:
        reading = .chunked
        chunks = ChunkedDecoder()
      case .untilEnd: reading = .untilEnd
      }
      return consumed
    }
  }

  private func takeChunk(_ base: UnsafeMutablePointer<UInt8>, _ count: Int, _ exchange: Exchange) -> Int {
    switch chunks.next(base, count: count) {
    case .needMore(let consumed): return consumed
    case .data(let consumed, let payload):
      exchange.responseBody(base + Int(payload.start), Int(payload.count))
      return consumed
    case .trailers(let consumed, let bytes):
      let start = base + Int(bytes.start)
      guard let fieldCount = TrailerParser.parse(start, count: Int(bytes.count), fields: worker.fields) else {
        exchange.upstreamFailed(.upstreamMalformed)
        return -1
      }
      reading = .idle
      complete(
        trailers: HeaderList(base: UnsafePointer(start), fields: worker.fields, count: fieldCount),
        leftover: count - consumed)
      return -1
    case .end(let consumed):
      reading = .idle
      complete(trailers: nil, leftover: count - consumed)
      return -1
    case .malformed:
      exchange.upstreamFailed(.upstreamMalformed)
      return -1
    }
  }

  /// The response is whole. Bytes after it were never asked for: the connection goes.
  private func complete(trailers: HeaderList?, leftover: Int) {
    guard let exchange else { return }
    if leftover > 0 { keepsAlive = false }
    // Trailers that came in pieces lie in `held`: it is given back only when they have been written.
    let slab = held
    held = nil
    heldCount = 0
    defer { if let slab { loop.slabs.give(slab) } }
    if !exchange.isRequestComplete || exchange.hasUnsentRequest || exchange.isUpstreamDeaf { keepsAlive = false }
    resume(.peerFull)
    // The client's last bytes go out before the connection is free for the next request.
    exchange.detachUpstream(reusable: true)
    exchange.responseEnded(trailers: trailers)
  }

  override func ended(_ error: LoopError?) {
    if isClosing { return }
    if h2 != nil {
      failAll(error == nil ? .upstreamClosed : .upstreamReset)
      close()
      return
    }
    guard let exchange else {
      close()
      return
    }
    guard isConnected else {
      // In the middle of the TLS handshake.
      failExchange(.upstreamTLS)
      return
    }
    switch reading {
    case .tunnel: exchange.tunnelEndedByUpstream(isOrderly: error == nil)
    case .untilEnd where error == nil:
      keepsAlive = false
      complete(trailers: nil, leftover: 0)
    case .idle, .head, .body, .chunked, .untilEnd:
      exchange.upstreamBroke(error == nil ? .upstreamClosed : .upstreamReset)
    }
  }

  override func writeFailed(_ error: LoopError) {
    if h2 != nil {
      failAll(.upstreamReset)
      close()
    } else {
      exchange?.upstreamTakesNoMore()
    }
  }

  // MARK: Flow

  /// What waits in front of this exchange's next byte.
  func outgoingBytes(of exchange: Exchange) -> Int {
    if let stream = exchange.upstreamStream { return stream.outgoing.count }
    return bytesQueued
  }

  /// `exchange.upstreamDrained` is called when there is room.
  func noteWaiting(_ exchange: Exchange) {
    if let stream = exchange.upstreamStream {
      stream.wantsRoom = true
    } else if !waiting.contains(where: { $0 === exchange }) {
      waiting.append(exchange)
    }
  }

  override func writeDrained() {
    if h2 != nil {
      observeTurnEnd(of: loop)
      return
    }
    if waiting.isEmpty { return }
    let told = waiting
    waiting.removeAll()
    for exchange in told where self.exchange === exchange { exchange.upstreamDrained() }
  }

  /// The client of `exchange` is slow.
  func pauseFor(_ exchange: Exchange) {
    // On HTTP/2 the stream's window does it: bytes that wait are not given back.
    if h2 == nil { pause(.peerFull) } else { exchange.isClientSlow = true }
  }

  func resumeFor(_ exchange: Exchange) {
    if let h2 {
      exchange.isClientSlow = false
      if let stream = exchange.upstreamStream, exchange.owedUpstream > 0 {
        h2.consume(streamID: stream.id, exchange.owedUpstream)
        exchange.owedUpstream = 0
        observeTurnEnd(of: loop)
      }
    } else {
      resume(.peerFull)
    }
  }

  override func countReceived(_ bytes: Int) { worker.counters.add(.upstreamBytesReceived, UInt64(bytes)) }
  override func countSent(_ bytes: Int) { worker.counters.add(.upstreamBytesSent, UInt64(bytes)) }

  override func closed() {
    super.closed()
    worker.counters.decrement(.upstreamConnectionsOpen)
    bucket.remove(self)
    if let exchange {
      self.exchange = nil
      exchange.upstreamBroke(.upstreamReset)
    }
    if h2 != nil { failAll(.upstreamReset) }
    waiting.removeAll()
  }

  override func turnWork() {
    if h2 != nil { flushHTTP2() }
  }

  // MARK: HTTP/2

  var canOpenStream: Bool { !isClosing && !isFailing && (h2?.canOpenStream ?? false) }

  func isUnusedHTTP2(since limitMs: UInt64) -> Bool { (h2?.openStreams ?? 1) == 0 && idleSinceMs < limitMs }

  /// Sends the exchange's head on a stream of its own; nil when there is none to be had.
  func open(_ exchange: Exchange) -> HTTP2Stream? {
    guard let h2, let head = exchange.head else { return nil }
    var view = RequestHead(headers: HeaderList(base: UnsafePointer(head.base), fields: worker.fields, count: 0))
    var scan = HeadScan()
    // Our own head, read back: one writer makes heads for both protocols, and what HTTP/2 forbids is left out here.
    guard
      case .complete = RequestHeadParser.parse(
        head.base, count: exchange.headCount, scan: &scan,
        limits: HeadLimits(requestLineBytes: Worker.outBytes, headBytes: Worker.outBytes, fields: Worker.fieldsMax),
        fields: worker.fields, into: &view)
    else { return nil }
    let base = view.headers.base
    h2.beginFields()
    h2.addField(":method", view.methodName.bytes(in: base))
    h2.addField(":scheme", bucket.target.upstreamProtocol == .https ? "https" : "http")
    h2.addField(":authority", view.authority.bytes(in: base))
    h2.addField(":path", view.target.bytes(in: base))
    for index in 0..<view.headers.count {
      let field = view.headers.fields[index]
      switch field.known {
      case .host, .connection, .transferEncoding, .upgrade, .keepAlive, .te: continue
      default: h2.addField(field.name.bytes(in: base), field.value.bytes(in: base))
      }
    }
    if exchange.wantsTrailers { h2.addField("te", "trailers") }
    guard let stream = h2.submitRequest(hasBody: exchange.requestFraming != .none) else { return nil }
    stream.owner = Unmanaged.passUnretained(exchange).toOpaque()
    observeTurnEnd(of: loop)
    return stream
  }

  func append(_ stream: HTTP2Stream, _ base: UnsafePointer<UInt8>, _ count: Int) {
    h2?.append(stream, base, count)
    observeTurnEnd(of: loop)
  }

  func end(_ stream: HTTP2Stream, _ trailers: HeaderList?) {
    if let trailers { h2?.end(stream, trailers: trailers) } else { h2?.end(stream) }
    observeTurnEnd(of: loop)
  }

  /// The exchange is gone; the stream follows unless it is over already.
  /// `owed`: received bytes that a slow client had not taken; the connection's window is everybody's.
  func abandon(_ stream: HTTP2Stream, owed: Int) {
    stream.owner = nil
    h2?.consume(streamID: stream.id, owed)
    if !stream.isClosed { h2?.reset(stream, .cancel) }
    idleSinceMs = loop.nowMs
    observeTurnEnd(of: loop)
  }

  private func receivedHTTP2(_ base: UnsafeMutablePointer<UInt8>, _ count: Int) {
    guard let h2 else { return }
    var at = 0
    while at < count, !isClosing {
      let part = min(count - at, 16_384)
      let isAlive = h2.receive(base + at, part)
      at += part
      drainInbox(h2)
      guard isAlive else {
        failAll(.upstreamMalformed)
        flushHTTP2()
        close()
        return
      }
    }
    observeTurnEnd(of: loop)
  }

  private func drainInbox(_ h2: HTTP2Session) {
    var index = 0
    while index < h2.eventCount, !isClosing {
      take(h2.event(index), h2)
      index += 1
    }
    // Closing in the middle of it: what is left stays in the session, where `closed` finds whom to tell.
    if isClosing { return }
    h2.clearEvents()
    h2.releaseClosed()
  }

  private func take(_ event: HTTP2Event, _ h2: HTTP2Session) {
    if event.kind == .goAway {
      isFailing = true
      return
    }
    guard let stream = event.stream?.takeUnretainedValue(), let owner = stream.owner else {
      if event.kind == .data { h2.consume(streamID: event.streamID, event.count) }
      return
    }
    let exchange = Unmanaged<Exchange>.fromOpaque(owner).takeUnretainedValue()
    // Other streams' clients follow in this same read: what was gathered for an HTTP/1.1 client must be on its way before.
    defer { if worker.outCount > 0 { exchange.flushDownstream() } }
    switch event.kind {
    case .head: takeHead(event, h2, stream, exchange)
    case .data:
      exchange.responseBody(event.bytes!, event.count)
      if stream.owner != nil, exchange.isClientSlow {
        exchange.owedUpstream += event.count
      } else {
        h2.consume(streamID: event.streamID, event.count)
      }
    case .end: finish(stream, exchange, trailers: nil)
    case .trailers: finish(stream, exchange, trailers: h2.headers(of: event))
    case .closed:
      exchange.detachUpstream(reusable: false)
      if event.errorCode == HTTP2ErrorCode.refusedStream.rawValue {
        exchange.upstreamRefused()
      } else {
        exchange.upstreamBroke(.upstreamReset)
      }
    case .headTooLarge: exchange.upstreamFailed(.upstreamHeadTooLarge)
    case .goAway: break
    }
  }

  private func takeHead(_ event: HTTP2Event, _ h2: HTTP2Session, _ stream: HTTP2Stream, _ exchange: Exchange) {
    var head = ResponseHead(headers: h2.headers(of: event))
    head.status = event.status
    guard event.status >= 100, event.status <= 599, event.status != 101 else {
      exchange.upstreamFailed(.upstreamMalformed)
      return
    }
    if !head.isInterim {
      head.body = event.endsStream ? .none : .untilEnd
      if !event.endsStream, let value = head.headers.value(of: .contentLength),
        let length = HTTPGrammar.contentLength(value)
      {
        head.body = .length(length)
      }
      if exchange.method == .head || event.status == 204 || event.status == 304 { head.body = .none }
    }
    guard exchange.responseHead(&head), !head.isInterim else { return }
    if event.endsStream { finish(stream, exchange, trailers: nil) }
  }

  private func finish(_ stream: HTTP2Stream, _ exchange: Exchange, trailers: HeaderList?) {
    exchange.detachUpstream(reusable: false)
    exchange.responseEnded(trailers: trailers)
  }

  private func failAll(_ refusal: Refusal) {
    guard let h2 else { return }
    isFailing = true
    for stream in h2.allStreams() {
      guard let owner = stream.owner else { continue }
      stream.owner = nil
      let exchange = Unmanaged<Exchange>.fromOpaque(owner).takeUnretainedValue()
      exchange.upstreamStream = nil
      exchange.upstream = nil
      exchange.upstreamBroke(refusal)
    }
  }

  private func flushHTTP2() {
    guard let h2 else { return }
    while bytesQueued < Transport.highMark / 4, !isClosing {
      let count = h2.produce(into: worker.out + worker.outCount, goal: 49_152)
      if count <= 0 {
        if count < 0 { close() }
        break
      }
      if !send(worker.out + worker.outCount, count) {
        failAll(.upstreamReset)
        close()
        return
      }
    }
    if !h2.drained.isEmpty {
      let told = h2.drained.compactMap { $0.takeUnretainedValue().owner }
      h2.clearDrained()
      for owner in told { Unmanaged<Exchange>.fromOpaque(owner).takeUnretainedValue().upstreamDrained() }
    }
    if h2.eventCount > 0 { drainInbox(h2) }
    if !isClosing, h2.isFinished || (isFailing && h2.openStreams == 0) { close() }
  }
}
