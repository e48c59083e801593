import Bytes
import HTTP
import HTTP1
import HTTP2
import Loop
import Pages
import Router
import TLS
import Telemetry

// How an exchange comes to its upstream: an idle connection, a shared one, or a new one.

extension Exchange {
  // MARK: Finding an upstream

  func lease() {
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
  var isReplayable: Bool { method.isIdempotent && requestFraming == .none && upgrade == .none }

  func dial() {
    guard let bucket else { return }
    stage = .dialing
    isUpstreamDone = false
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
    guard waited < max(worker.settings.dialRetryMs, dialPatienceMs) else {
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

  /// A connection that can take the request now.
  func upstreamReady(_ connection: UpstreamConnection, reused: Bool) {
    if dialBeganNs > 0 { worker.counters.record(.dial, us: (EventLoop.nowNs &- dialBeganNs) / 1000) }
    isUpstreamReused = reused
    upstream = connection
    stage = .awaitingResponse
    if connection.isHTTP2 {
      guard let opened = connection.open(self) else {
        upstream = nil
        // A shared connection may have run out of streams; a new one has some, or our head is at fault.
        if reused { dial() } else { refuse(.internalError) }
        return
      }
      upstreamStream = opened
      isHeadSent = true
    } else {
      connection.begin(self)
      isHeadPending = true
    }
    let bodyMs = stream == nil || isRequestComplete ? .max : worker.settings.requestBodyIdleMs
    worker.loop.timers.schedule(self, afterMs: min(bodyMs, worker.settings.responseHeadMs))
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

  func sendHead() {
    guard isHeadPending, let upstream, let head else { return }
    isHeadPending = false
    isHeadSent = true
    if !upstream.send(head.base, headCount) { upstreamBroke(nil) }
  }
}
