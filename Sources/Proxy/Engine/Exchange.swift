import Bytes
import HTTP
import HTTP1
import HTTP2
import Loop
import Pages
import Router
import TLS
import Telemetry

/// One request and its response: decides, finds an upstream, relays both bodies, and answers itself when it must.
///
/// It names its downstream (a connection, and on HTTP/2 a stream) and its upstream (a connection, and towards an HTTP/2
/// service a stream); both tell it what happened and it tells them what to do. It ends exactly once, in `finish`, and
/// is then used again for another request: nobody may keep a reference past that.
final class Exchange: Deadlined {
  enum Stage: UInt8 {
    case idle
    /// No upstream connection yet: dialling, or waiting to dial again.
    case dialing
    /// The request is (being) sent; no response head yet.
    case awaitingResponse
    case responding
    /// Bytes in both directions (RFC 9110 §7.8, RFC 8441).
    case tunnel
    case ended
  }

  unowned(unsafe) let worker: Worker
  unowned(unsafe) var downstream: DownstreamConnection?
  /// HTTP/2 downstream: the stream there.
  var stream: HTTP2Stream?
  var stage = Stage.idle

  // The request.
  var method = Method.other
  var upgrade = UpgradeKind.none
  var minorVersion: UInt8 = 1
  var expectsContinue = false
  /// How the body goes upstream.
  var requestFraming = BodyFraming.none
  /// The client has sent everything.
  var isRequestComplete = false
  /// Some body has gone upstream: from here on nothing can be sent again.
  var isBodyStarted = false
  var wantsPage = false
  var wantsTrailers = false
  /// The head as it goes upstream, in HTTP/1.1 form; kept while it may have to be sent again or logged.
  var head: Slab?
  var headCount = 0
  var isHeadPending = false
  var isHeadSent = false
  /// Where in `head` the log finds things.
  var log = LoggedRanges()
  /// Body bytes of an HTTP/2 request that came before there was an upstream; bounded by the stream's window.
  var early = ByteQueue()
  /// Body bytes that went upstream but are not yet given back to the HTTP/2 window.
  var unconsumed = 0
  var acceptKey = WebSocketKey()

  // The upstream.
  var bucket: UpstreamBucket?
  unowned(unsafe) var upstream: UpstreamConnection?
  var upstreamStream: HTTP2Stream?
  var isUpstreamReused = false
  var attempts = 0
  var dialBeganNs: UInt64 = 0
  var mayUseIdle = true

  // The response.
  var status: UInt16 = 0
  var responseFraming = BodyFraming.none
  var refusal: Refusal?
  var interims = 0
  var frames = WebSocketFrames()
  var isClientDone = false
  /// The upstream was let go of: what the client still sends is read and dropped.
  var isUpstreamDone = false
  /// Tunnels: the sandbox has sent its last byte.
  var isUpstreamEnded = false
  /// HTTP/2 upstream: the client is slow, so received bytes are not given back to the stream's window.
  var isClientSlow = false
  var owedUpstream = 0

  // Accounting.
  var beganNs: UInt64 = 0
  var firstByteNs: UInt64 = 0
  var requestBytes: UInt64 = 0
  var responseBytes: UInt64 = 0

  init(worker: Worker) {
    self.worker = worker
    super.init()
  }

  var isTunnel: Bool { stage == .tunnel }
  private var self_: Unmanaged<Exchange> { Unmanaged.passUnretained(self) }

  // MARK: Beginning

  /// Takes a request. The head is a view that lives as long as this call.
  func begin(on downstream: DownstreamConnection, stream: HTTP2Stream?, head view: RequestHead) {
    attach(downstream, stream)
    method = view.method
    // A request with a body of its own upgrades nothing (RFC 9110 §7.8 would have the body come first).
    upgrade = view.body == .none || view.method == .connect ? view.upgrade : .none
    minorVersion = view.minorVersion
    expectsContinue = view.expectsContinue
    isRequestComplete = view.body == .none || view.body == .length(0)
    switch downstream.listener.settings.kind {
    case .https: route(view)
    case .redirect:
      keepForLog(view)
      redirect(view)
    case .api:
      keepForLog(view)
      serveLocally(view)
    }
  }

  /// Takes a request that is refused whatever it asks for.
  func beginRefused(on downstream: DownstreamConnection, stream: HTTP2Stream?, _ refusal: Refusal) {
    attach(downstream, stream)
    isRequestComplete = false
    refuse(refusal)
  }

  private func attach(_ downstream: DownstreamConnection, _ stream: HTTP2Stream?) {
    // Balanced in `finish`: an exchange keeps itself alive from here to there.
    _ = self_.retain()
    self.downstream = downstream
    self.stream = stream
    stream?.owner = self_.toOpaque()
    stage = .dialing
    beganNs = EventLoop.nowNs
    worker.counters.increment(.requestsInFlight)
  }

  private func route(_ view: RequestHead) {
    guard let downstream else { return }
    let base = view.headers.base
    let authority = view.authority.bytes(in: base)
    let decision = worker.table.decide(authority: authority, target: view.target.bytes(in: base))
    if case .refuse(.badHost) = decision {
      // Before the comparison below, which takes well-formed names for granted.
    } else if let tls = downstream.tls, !tls.withServerName({ RouteTable.agrees(serverName: $0, authority: authority) }) {
      // RFC 9110 §7.4: a connection made for one name is not for another.
      keepForLog(view)
      refuse(.misdirected)
      return
    }
    switch decision {
    case .forward(let target, let port):
      let bucket = target._withUnsafeGuaranteedRef { worker.pool.bucket($0, port: port) }
      self.bucket = bucket
      forward(view, bucket)
    case .porthole:
      keepForLog(view)
      refuse(.notFound)
    case .refuse(let refusal):
      keepForLog(view)
      refuse(refusal)
    }
  }

  private func forward(_ view: RequestHead, _ bucket: UpstreamBucket) {
    switch view.body {
    case .none: requestFraming = .none
    case .length(let length):
      requestFraming = .length(length)
      let limit = worker.settings.bodyBytesMax
      if limit > 0, length > limit {
        keepForLog(view)
        refuse(.bodyTooLarge)
        return
      }
    case .chunked, .untilEnd: requestFraming = upgrade == .none ? .chunked : .none
    }
    writeRequestHead(view, bucket)
    if upgrade == .webSocket { worker.counters.add(.requestsWebSocket) }
    lease()
  }

  // MARK: Finding an upstream

  private func lease() {
    guard let bucket else { return }
    dialBeganNs = 0
    if bucket.speaksHTTP2, upgrade == .none {
      if let shared = bucket.sharedHTTP2() {
        upstreamReady(shared, reused: true)
        return
      }
    } else if mayUseIdle, let idle = bucket.takeIdle() {
      // What cannot be sent twice is not trusted to a connection that may have died a moment ago.
      if isReplayable || !idle.hasUnreadInput {
        worker.counters.add(.upstreamConnectionsReused)
        upstreamReady(idle, reused: true)
        return
      }
      idle.close()
      lease()
      return
    }
    dial()
  }

  /// RFC 9110 §9.2.2, and nothing of the body may be gone.
  private var isReplayable: Bool { method.isIdempotent && requestFraming == .none && upgrade == .none }

  func dial() {
    guard let bucket else { return }
    stage = .dialing
    attempts += 1
    if dialBeganNs == 0 { dialBeganNs = EventLoop.nowNs }
    let connection = UpstreamConnection(worker: worker, bucket: bucket, isForUpgrade: upgrade != .none)
    upstream = connection
    connection.exchange = self
    worker.counters.add(.upstreamDials)
    if let error = connection.dial() {
      connection.exchange = nil
      upstream = nil
      connection.close()
      dialFailed(error)
      return
    }
    // The handshake of a TLS upstream is part of the dial.
    worker.loop.timers.schedule(self, afterMs: worker.settings.dialMs)
  }

  /// The dial ended without a connection.
  func dialFailed(_ error: LoopError) {
    upstream = nil
    worker.counters.add(.upstreamDialsFailed)
    if error == .timedOut {
      refuse(.dialTimeout)
      return
    }
    guard error == .refused || error == .missing else {
      refuse(.dialFailed)
      return
    }
    let waited = (EventLoop.nowNs &- dialBeganNs) / 1_000_000
    guard waited < worker.settings.dialRetryMs else {
      refuse(.portClosed)
      return
    }
    worker.counters.add(.upstreamDialRetries)
    // 50, 100, 200, 400 ms: a service that just starts is met soon, one that is down costs four dials.
    worker.loop.timers.schedule(self, afterMs: UInt64(50) << UInt64(min(attempts - 1, 3)))
  }

  /// Connected, but not to something that we may talk to.
  func dialRefused(_ refusal: Refusal) {
    upstream = nil
    worker.counters.add(.upstreamDialsFailed)
    refuse(refusal)
  }

  override func deadlineReached() {
    switch stage {
    case .dialing:
      if let upstream {
        upstream.exchange = nil
        upstream.close()
        dialFailed(.timedOut)
      } else {
        dial()
      }
    case .awaitingResponse:
      if isRequestComplete || upstream?.bytesQueued ?? 0 > 0 {
        upstreamFailed(.upstreamTimeout)
      } else {
        // The client is still sending: its own deadline watches that.
        worker.loop.timers.schedule(self, afterMs: worker.settings.responseHeadMs)
      }
    case .responding: upstreamFailed(.upstreamTimeout)
    case .tunnel, .idle, .ended: break
    }
  }

  /// A connection that can take the request now.
  func upstreamReady(_ connection: UpstreamConnection, reused: Bool) {
    if dialBeganNs > 0 { worker.counters.record(.dial, us: (EventLoop.nowNs &- dialBeganNs) / 1000) }
    isUpstreamReused = reused
    upstream = connection
    stage = .awaitingResponse
    if connection.isHTTP2 {
      guard let opened = connection.open(self) else {
        upstream = nil
        dial()
        return
      }
      upstreamStream = opened
      isHeadSent = true
    } else {
      connection.begin(self)
      isHeadPending = true
    }
    worker.loop.timers.schedule(self, afterMs: worker.settings.responseHeadMs)
    if requestFraming == .none || connection.isHTTP2 {
      sendHead()
      if !early.isEmpty || isRequestComplete { sendEarly() }
    } else {
      // Body bytes that are there already go out in the same write as the head.
      observeTurnEnd(of: worker.loop)
      if stream != nil { sendEarly() }
    }
    downstream?.resume(.awaitingUpstream)
  }

  override func turnEnded() {
    if stage == .awaitingResponse, isHeadPending { sendHead() }
  }

  private func sendHead() {
    guard isHeadPending, let upstream, let head else { return }
    isHeadPending = false
    isHeadSent = true
    if !upstream.send(head.base, headCount) { upstreamBroke(nil) }
  }

  // MARK: The request's body

  /// Whether `requestBody` may be called now.
  var acceptsBody: Bool {
    switch stage {
    case .awaitingResponse, .responding: return upstream != nil || isDiscarding
    case .tunnel: return true
    case .dialing: return false
    case .idle, .ended: return true
    }
  }

  /// The upstream is gone but the client still sends: its bytes are read and dropped.
  private var isDiscarding: Bool { isUpstreamDone }

  /// Body bytes from an HTTP/1.1 client.
  func requestBody(_ base: UnsafePointer<UInt8>, _ count: Int) {
    if count == 0 { return }
    requestBytes &+= UInt64(count)
    let limit = worker.settings.bodyBytesMax
    if limit > 0, requestBytes > limit {
      bodyTooLarge()
      return
    }
    forwardBody(base, count)
    if let upstream, upstream.outgoingBytes(of: self) > Transport.highMark {
      upstream.noteWaiting(self)
      downstream?.pause(.peerFull)
    }
  }

  private func bodyTooLarge() {
    if stage == .responding {
      upstreamFailed(.bodyTooLarge)
    } else {
      detachUpstream(reusable: false)
      refuse(.bodyTooLarge)
    }
  }

  /// Body bytes from an HTTP/2 stream; the window stays closed for them until the upstream took them.
  func requestBodyHTTP2(_ base: UnsafePointer<UInt8>, _ count: Int) {
    guard let stream, let h2 = downstream?.h2 else { return }
    requestBytes &+= UInt64(count)
    let limit = worker.settings.bodyBytesMax
    if limit > 0, requestBytes > limit, stage != .tunnel {
      h2.consume(streamID: stream.id, count)
      bodyTooLarge()
      return
    }
    switch stage {
    case .dialing:
      early.append(base, count, pool: worker.loop.slabs)
    case .tunnel:
      tunnelReceived(base, count)
      giveBack(count)
    case .awaitingResponse, .responding:
      if isDiscarding || (upgrade != .none) {
        if upgrade != .none, !isDiscarding { early.append(base, count, pool: worker.loop.slabs) } else { h2.consume(streamID: stream.id, count) }
        return
      }
      forwardBody(base, count)
      giveBack(count)
    case .idle, .ended:
      h2.consume(streamID: stream.id, count)
    }
  }

  /// Opens the HTTP/2 window for bytes that the upstream's socket took; the rest waits for `upstreamDrained`.
  private func giveBack(_ count: Int) {
    unconsumed += count
    guard let upstream, upstream.outgoingBytes(of: self) > Transport.highMark / 4 else {
      returnWindow()
      return
    }
    upstream.noteWaiting(self)
  }

  private func returnWindow() {
    guard unconsumed > 0, let stream, let downstream, let h2 = downstream.h2 else { return }
    h2.consume(streamID: stream.id, unconsumed)
    unconsumed = 0
    downstream.observeTurnEnd(of: worker.loop)
  }

  private func sendEarly() {
    while let chunk = early.front, stage != .ended {
      let count = chunk.count
      forwardBody(chunk.baseAddress!, count)
      giveBack(count)
      if stage == .ended { return }
      early.consume(count, pool: worker.loop.slabs)
    }
    if isRequestComplete, requestFraming != .none { endRequest(trailers: nil) }
  }

  private func forwardBody(_ base: UnsafePointer<UInt8>, _ count: Int) {
    guard let upstream, !isDiscarding else { return }
    isBodyStarted = true
    if let upstreamStream {
      upstream.append(upstreamStream, base, count)
      return
    }
    var at = 0
    while at < count {
      let part = min(count - at, 65_536)
      let out = worker.upstreamOut
      var used = 0
      if isHeadPending, let head {
        out.update(from: head.base, count: headCount)
        used = headCount
        isHeadPending = false
        isHeadSent = true
      }
      if requestFraming == .chunked {
        used += Wire.putChunkHeader(part, at: out + used)
        (out + used).update(from: base + at, count: part)
        used += part
        used += Wire.put("\r\n", at: out + used)
      } else if used > 0 {
        (out + used).update(from: base + at, count: part)
        used += part
      }
      let isSent = used > 0 ? upstream.send(out, used) : upstream.send(base + at, part)
      if !isSent {
        upstreamBroke(nil)
        return
      }
      at += part
    }
  }

  /// The client has sent its last byte, perhaps with trailers.
  func requestEnded(trailers: HeaderList?) {
    if isRequestComplete, stage != .tunnel { return }
    isRequestComplete = true
    switch stage {
    case .tunnel: tunnelEndedByClient()
    case .dialing: break  // `sendEarly` ends it; trailers of a request that waits are left out
    case .awaitingResponse, .responding:
      if upgrade == .none { endRequest(trailers: trailers) }
    case .idle, .ended: break
    }
  }

  private func endRequest(trailers: HeaderList?) {
    guard let upstream, !isDiscarding else { return }
    if let upstreamStream {
      upstream.end(upstreamStream, trailers)
      return
    }
    if requestFraming == .chunked {
      let out = worker.upstreamOut
      var used = 0
      if isHeadPending, let head {
        out.update(from: head.base, count: headCount)
        used = headCount
        isHeadPending = false
        isHeadSent = true
      }
      used += Wire.put("0\r\n", at: out + used)
      if let trailers { used += TrailerWriter.put(trailers, at: out + used, room: Worker.upstreamOutBytes - used - 2) }
      used += Wire.put("\r\n", at: out + used)
      if !upstream.send(out, used) {
        upstreamBroke(nil)
        return
      }
    } else {
      sendHead()
    }
    if stage == .awaitingResponse { worker.loop.timers.schedule(self, afterMs: worker.settings.responseHeadMs) }
  }

  /// The client broke its own framing in the middle of a body: nothing of it may look complete to the sandbox.
  func requestMalformed() {
    detachUpstream(reusable: false)
    if stage == .responding {
      breakOff()
    } else {
      refuse(.malformed)
    }
  }

  func requestTimedOut() {
    detachUpstream(reusable: false)
    if stage == .responding {
      breakOff()
    } else {
      refuse(.timeout)
    }
  }

  /// The upstream's queue is short again.
  func upstreamDrained() {
    returnWindow()
    downstream?.resume(.peerFull)
  }

  /// Request bytes are still on their way into the upstream's socket.
  var hasUnsentRequest: Bool { isHeadPending || (upstream?.bytesQueued ?? 0) > 0 }

  // MARK: The response

  /// A response head from the upstream; a view that lives as long as this call. False: the exchange has ended.
  func responseHead(_ view: inout ResponseHead) -> Bool {
    guard stage == .awaitingResponse, let downstream else { return false }
    if firstByteNs == 0 {
      firstByteNs = EventLoop.nowNs
      worker.counters.record(.firstByte, us: (firstByteNs &- beganNs) / 1000)
    }
    if view.isInterim { return forwardInterim(view) }
    if view.status == 101 { return beginTunnel(&view) }
    status = view.status
    stage = .responding
    worker.loop.timers.schedule(self, afterMs: worker.settings.streamIdleMs)
    if view.body == .untilEnd, stream == nil, minorVersion == 0 { downstream.keepsAlive = false }
    responseFraming = view.body
    // The answer came before the request was whole: the connection cannot carry another one in step.
    if let stream {
      submitResponse(view, on: stream)
    } else {
      writeResponseHead(view)
    }
    return true
  }

  private func forwardInterim(_ view: ResponseHead) -> Bool {
    interims += 1
    guard interims <= 32 else {
      upstreamFailed(.upstreamMalformed)
      return false
    }
    // RFC 9110 §15.2: not to HTTP/1.0 clients. 100 is for those who asked.
    if minorVersion == 0 || (view.status == 100 && !expectsContinue) { return true }
    if let stream {
      submitInterim(view, on: stream)
    } else {
      writeInterimHead(view)
      downstream?.flushOut()
    }
    return stage != .ended
  }

  /// Body bytes from the upstream.
  func responseBody(_ base: UnsafePointer<UInt8>, _ count: Int) {
    guard stage == .responding, let downstream, count > 0 else { return }
    responseBytes &+= UInt64(count)
    if let stream {
      guard let h2 = downstream.h2 else { return }
      h2.append(stream, base, count)
      downstream.observeTurnEnd(of: worker.loop)
      if stream.outgoing.count > Transport.highMark / 2 {
        stream.wantsRoom = true
        pauseUpstream()
      }
      return
    }
    writeBody(base, count, downstream)
    if downstream.bytesQueued > Transport.highMark { pauseUpstream() }
  }

  private func writeBody(_ base: UnsafePointer<UInt8>, _ count: Int, _ downstream: DownstreamConnection) {
    let isChunked = responseFraming == .chunked
    let framing = isChunked ? Wire.chunkHeaderBytesMax + 2 : 0
    // What follows a head, or needs framing, is gathered into one write; plain bytes of a body go as they are.
    if worker.outCount + count + framing > Worker.outBytes { downstream.flushOut() }
    if isChunked || (worker.outCount > 0 && count <= 32_768) {
      let out = worker.out
      var used = worker.outCount
      if isChunked { used += Wire.putChunkHeader(count, at: out + used) }
      (out + used).update(from: base, count: count)
      used += count
      if isChunked { used += Wire.put("\r\n", at: out + used) }
      worker.outCount = used
      return
    }
    downstream.flushOut()
    downstream.send(base, count)
  }

  private func pauseUpstream() { upstream?.pauseFor(self) }

  /// The client took enough.
  func downstreamDrained() {
    upstream?.resumeFor(self)
  }

  /// The upstream's response is complete. The upstream connection has already been taken off this exchange.
  func responseEnded(trailers: HeaderList?) {
    guard stage == .responding, let downstream else { return }
    if let stream, let h2 = downstream.h2 {
      if let trailers { h2.end(stream, trailers: trailers) } else { h2.end(stream) }
      if !isRequestComplete { h2.resetAfterEnd(stream) }
      downstream.observeTurnEnd(of: worker.loop)
    } else {
      if responseFraming == .chunked {
        var used = worker.outCount
        used += Wire.put("0\r\n", at: worker.out + used)
        if let trailers { used += TrailerWriter.put(trailers, at: worker.out + used, room: Worker.outBytes - used - 2) }
        used += Wire.put("\r\n", at: worker.out + used)
        worker.outCount = used
      }
      downstream.flushOut()
    }
    finish(endsDownstream: true)
  }

  /// The read that brought response bytes is over: what was gathered goes out.
  func flushDownstream() {
    if stream == nil { downstream?.flushOut() }
  }

  // MARK: Failures

  /// The upstream connection ended or broke before the response was complete. `refusal` nil: decide by what happened.
  func upstreamBroke(_ refusal: Refusal?) {
    let isStale = isUpstreamReused && firstByteNs == 0 && !isBodyStarted && isReplayable
    detachUpstream(reusable: false)
    switch stage {
    case .awaitingResponse:
      if isStale, refusal == nil || refusal == .upstreamClosed || refusal == .upstreamReset {
        worker.counters.add(.upstreamStaleRetries)
        isHeadSent = false
        mayUseIdle = false
        dial()
        return
      }
      refuse(refusal ?? .upstreamReset)
    case .responding:
      self.refusal = refusal ?? .upstreamReset
      breakOff()
    case .tunnel: tunnelEndedByUpstream(isOrderly: false)
    case .dialing, .idle, .ended: break
    }
  }

  func upstreamFailed(_ refusal: Refusal) {
    isUpstreamReused = false
    upstreamBroke(refusal)
  }

  /// The response cannot be completed and its head is out: the client must notice.
  private func breakOff() {
    guard let downstream else { return }
    if let stream, let h2 = downstream.h2 {
      h2.reset(stream, .internalError)
      worker.counters.add(.http2ResetsSent)
      downstream.observeTurnEnd(of: worker.loop)
      finish(endsDownstream: false)
    } else {
      downstream.flushOut()
      let connection = downstream
      finish(endsDownstream: false)
      connection.exchangeBroke()
    }
  }

  /// The client is gone.
  func downstreamLost() {
    detachUpstream(reusable: false)
    finish(endsDownstream: false)
  }

  /// Lets go of the upstream. A connection in the middle of something cannot be used again.
  func detachUpstream(reusable: Bool) {
    isUpstreamDone = true
    isHeadPending = false
    guard let connection = upstream else { return }
    upstream = nil
    if let upstreamStream {
      self.upstreamStream = nil
      connection.abandon(upstreamStream)
      return
    }
    connection.exchange = nil
    if reusable { connection.release() } else { connection.close() }
  }

  // MARK: The end

  /// Accounts for the exchange and makes it ready for the next. With `endsDownstream` the client's connection goes on.
  func finish(endsDownstream: Bool) {
    if stage == .ended || stage == .idle { return }
    if upstream != nil { detachUpstream(reusable: false) }
    if stage == .tunnel { worker.counters.decrement(.tunnelsOpen) }
    stage = .ended
    account()
    let connection = downstream
    if let stream {
      if unconsumed > 0 { connection?.h2?.consume(streamID: stream.id, unconsumed) }
      if !early.isEmpty { connection?.h2?.consume(streamID: stream.id, early.count) }
      stream.owner = nil
    }
    let isHTTP1 = stream == nil
    reset()
    if isHTTP1, endsDownstream { connection?.exchangeEnded() }
    worker.giveExchange(self)
    self_.release()
  }

  private func reset() {
    forgetTurnEnd(of: worker.loop)
    worker.loop.timers.forget(self)
    if let head { worker.loop.slabs.give(head) }
    head = nil
    headCount = 0
    early.removeAll(pool: worker.loop.slabs)
    downstream = nil
    stream = nil
    bucket = nil
    stage = .idle
    method = .other
    upgrade = .none
    minorVersion = 1
    expectsContinue = false
    requestFraming = .none
    isRequestComplete = false
    isBodyStarted = false
    wantsPage = false
    wantsTrailers = false
    isHeadPending = false
    isHeadSent = false
    log = LoggedRanges()
    unconsumed = 0
    isUpstreamReused = false
    attempts = 0
    dialBeganNs = 0
    mayUseIdle = true
    status = 0
    responseFraming = .none
    refusal = nil
    interims = 0
    frames = WebSocketFrames()
    isClientDone = false
    isUpstreamDone = false
    isUpstreamEnded = false
    isClientSlow = false
    owedUpstream = 0
    firstByteNs = 0
    requestBytes = 0
    responseBytes = 0
  }
}
