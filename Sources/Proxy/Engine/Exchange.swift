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
    /// This process answers itself, and takes the body for that.
    case local
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
  /// Once set it stays: after that nobody can say that the request was not forwarded.
  var isHeadSent = false
  /// A connection broke with the request on it: from then on nobody can say that it was not forwarded.
  var mayHaveBeenSeen = false
  /// Where in `head` the log finds things.
  var log = LoggedRanges()
  /// Body bytes of an HTTP/2 request that came before there was an upstream; bounded by the stream's window.
  var early = ByteQueue()
  /// A trailer section that came before there was an upstream, as HTTP/1.1 lines.
  var earlyTrailers: [UInt8] = []
  /// Body bytes that went upstream but are not yet given back to the HTTP/2 window.
  var unconsumed = 0

  // The sandbox.
  var admission = Admission()
  /// The page of another site that asks and may read the answer (an origin of `embedOrigins`): apps don't know of it.
  var embedOrigin: [UInt8] = []
  /// The place among the requests that depend on the same sandbox; the list is `SandboxPresence`'s.
  unowned(unsafe) var presence: SandboxPresence?
  unowned(unsafe) var nextPresent: Exchange?
  unowned(unsafe) var previousPresent: Exchange?
  /// Waits for the sandbox to run. It is `dialing` all the while.
  var isParked = false
  /// How long a refused dial is tried again; 0 for as long as the settings say.
  var dialPatienceMs: UInt64 = 0
  /// What this process answers itself.
  var call: LocalCall?
  /// A question to the control side whose answer is awaited; 0 for none.
  var redemption: UInt64 = 0

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
  /// Porthole wants to end the tunnel and waits for the end of a frame.
  var ending: Refusal?
  var isClientDone = false
  /// The upstream was let go of: what the client still sends is read and dropped.
  var isUpstreamDone = false
  /// The upstream takes no more of the request, but may still answer (RFC 9112 §9.5): the rest is read and dropped.
  var isUpstreamDeaf = false
  /// Tunnels: the sandbox has sent its last byte.
  var isUpstreamEnded = false
  /// HTTP/2 upstream: the client is slow, so received bytes are not given back to the stream's window.
  var isClientSlow = false
  var owedUpstream = 0

  /// When a body byte moved last, by the loop's clock.
  var lastByteMs: UInt64 = 0

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
  var self_: Unmanaged<Exchange> { Unmanaged.passUnretained(self) }

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
  func beginRefused(
    on downstream: DownstreamConnection, stream: HTTP2Stream?, _ refusal: Refusal, isComplete: Bool = false
  ) {
    attach(downstream, stream)
    isRequestComplete = isComplete
    refuse(refusal)
  }

  func attach(_ downstream: DownstreamConnection, _ stream: HTTP2Stream?) {
    // Balanced in `finish`: an exchange keeps itself alive from here to there.
    _ = self_.retain()
    self.downstream = downstream
    self.stream = stream
    stream?.owner = self_.toOpaque()
    stage = .dialing
    lastByteMs = worker.loop.nowMs
    beganNs = EventLoop.nowNs
    worker.counters.increment(.requestsInFlight)
  }

  func route(_ view: RequestHead) {
    guard let downstream else { return }
    let base = view.headers.base
    let authority = view.authority.bytes(in: base)
    let decision = worker.table.decide(authority: authority, target: view.target.bytes(in: base))
    if case .refuse(.badHost) = decision {
      // Before the comparison below, which takes well-formed names for granted.
    } else if let tls = downstream.tls, !tls.withServerName({ RouteTable.agrees(serverName: $0, authority: authority) })
    {
      // RFC 9110 §7.4: a connection made for one name is not for another.
      keepForLog(view)
      refuse(.misdirected)
      return
    }
    switch decision {
    case .forward(let target, let port):
      enter(target._withUnsafeGuaranteedRef { worker.pool.bucket($0, port: port) }, view)
    case .guarded(let guarded): admit(view, guarded)
    case .porthole(let guarded, _): serveOwn(view, guarded)
    case .control:
      guard let control = worker.control else {
        keepForLog(view)
        refuse(.notFound)
        return
      }
      enter(worker.pool.bucket(control, port: 0), view)
    case .refuse(let refusal):
      keepForLog(view)
      refuse(refusal)
    }
  }

  /// Settles how the body goes upstream. False: it is refused for its length.
  func frame(_ view: RequestHead) -> Bool {
    switch view.body {
    case .none: requestFraming = .none
    case .length(let length):
      requestFraming = .length(length)
      let limit = worker.settings.bodyBytesMax
      if limit > 0, length > limit {
        keepForLog(view)
        refuse(.bodyTooLarge)
        return false
      }
    case .chunked, .untilEnd: requestFraming = upgrade == .none ? .chunked : .none
    }
    return true
  }

  func forward(_ view: RequestHead, _ bucket: UpstreamBucket) {
    guard frame(view) else { return }
    if !bucket.isKnownUsed { noteFirstUse(bucket) }
    writeRequestHead(view, bucket)
    if upgrade == .webSocket { worker.counters.add(.requestsWebSocket) }
    lease()
  }

  // MARK: Time

  override func deadlineReached() {
    switch stage {
    case .dialing:
      if isParked {
        parkingEnded()
      } else if let upstream {
        upstream.exchange = nil
        upstream.close()
        dialFailed(.timedOut)
      } else {
        dial()
      }
    case .awaitingResponse:
      let limitMs = worker.settings.responseHeadMs
      let silentMs = worker.loop.nowMs &- lastByteMs
      if isBodyOwed {
        requestTimedOut()
      } else if silentMs >= limitMs, isRequestComplete || upstream?.bytesQueued ?? 0 > 0 {
        upstreamFailed(.upstreamTimeout)
      } else {
        // The client is still sending, and of HTTP/1.1 its own deadline watches that; or it has ended a moment ago.
        let bodyMs = isRequestComplete ? limitMs - min(silentMs, limitMs) : worker.settings.requestBodyIdleMs
        worker.loop.timers.schedule(self, afterMs: min(bodyMs, limitMs))
      }
    case .responding:
      // What we answer ourselves ends by itself.
      if call != nil { return }
      let silentMs = worker.loop.nowMs &- lastByteMs
      if silentMs < worker.settings.streamIdleMs {
        worker.loop.timers.schedule(self, afterMs: worker.settings.streamIdleMs - silentMs)
      } else {
        upstreamFailed(.upstreamTimeout)
      }
    case .tunnel: silentTunnelReached()
    case .local:
      // The control side did not answer; the body has a deadline of its connection's.
      if redemption != 0 { refuse(.overloaded) }
    case .idle, .ended: break
    }
  }

  /// An HTTP/2 client announced a length and has stopped sending. Without a length the stream may be a conversation,
  /// and silence is part of that; over HTTP/1.1 the connection's deadline watches.
  private var isBodyOwed: Bool {
    guard stream != nil, !isRequestComplete, unconsumed == 0, case .length = requestFraming else { return false }
    return worker.loop.nowMs &- lastByteMs >= worker.settings.requestBodyIdleMs
  }

  override func turnEnded() {
    if stage == .awaitingResponse, isHeadPending { sendHead() }
  }

  // MARK: The end

  /// Accounts for the exchange and makes it ready for the next. With `endsDownstream` the client's connection goes on.
  func finish(endsDownstream: Bool) {
    if stage == .ended || stage == .idle { return }
    if upstream != nil { detachUpstream(reusable: false) }
    unpark()
    if let presence {
      if bucket?.target.countsAsActivity ?? false { presence.wasActive = true }
      presence.leave(self)
    }
    if redemption != 0 { worker.redemptions[redemption] = nil }
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
    let call = call
    reset()
    call?.exchangeEnded()
    if isHTTP1, endsDownstream { connection?.exchangeEnded() }
    worker.giveExchange(self)
    self_.release()
  }

  func reset() {
    forgetTurnEnd(of: worker.loop)
    worker.loop.timers.forget(self)
    if let head { worker.loop.slabs.give(head) }
    head = nil
    headCount = 0
    early.removeAll(pool: worker.loop.slabs)
    if !earlyTrailers.isEmpty { earlyTrailers = [] }
    downstream = nil
    stream = nil
    bucket = nil
    admission = Admission()
    if !embedOrigin.isEmpty { embedOrigin = [] }
    dialPatienceMs = 0
    call = nil
    redemption = 0
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
    mayHaveBeenSeen = false
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
    ending = nil
    isClientDone = false
    isUpstreamDone = false
    isUpstreamDeaf = false
    isUpstreamEnded = false
    isClientSlow = false
    owedUpstream = 0
    firstByteNs = 0
    requestBytes = 0
    responseBytes = 0
  }
}
