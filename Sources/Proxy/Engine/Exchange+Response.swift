import Bytes
import HTTP
import HTTP1
import HTTP2
import Loop
import Pages
import Router
import TLS
import Telemetry

// The way down: the sandbox's answer to the client, and what happens when it breaks.

extension Exchange {
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
    if method == .connect, view.status < 300 {
      // For an HTTP/2 client any 2xx would say that the tunnel is open (RFC 8441 §5); it is not.
      upstreamFailed(.upstreamMalformed)
      return false
    }
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

  func forwardInterim(_ view: ResponseHead) -> Bool {
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
    lastByteMs = worker.loop.nowMs
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

  func writeBody(_ base: UnsafePointer<UInt8>, _ count: Int, _ downstream: DownstreamConnection) {
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

  func pauseUpstream() { upstream?.pauseFor(self) }

  /// The client took enough.
  func downstreamDrained() {
    call?.drained()
    upstream?.resumeFor(self)
  }

  /// The upstream's response is complete. The upstream connection has already been taken off this exchange.
  func responseEnded(trailers: HeaderList?) {
    guard stage == .responding, let downstream else { return }
    if let stream, let h2 = downstream.h2 {
      trailers.map(TrailerWriter.drop)
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
        mayHaveBeenSeen = true
        mayUseIdle = false
        dial()
        return
      }
      refuse(refusal ?? .upstreamReset)
    case .responding:
      self.refusal = refusal ?? .upstreamReset
      breakOff()
    case .tunnel: tunnelEndedByUpstream(isOrderly: false)
    case .local: break
    case .dialing: refuse(refusal ?? .dialFailed)
    case .idle, .ended: break
    }
  }

  /// An HTTP/2 service refused the stream before it looked at it: whatever the method, the request may be sent again
  /// (RFC 9113 §8.7). The upstream has been taken off this exchange.
  func upstreamRefused() {
    guard stage == .awaitingResponse, firstByteNs == 0 else {
      upstreamBroke(.upstreamReset)
      return
    }
    // Its word for it: nothing was processed.
    isHeadSent = false
    if !isBodyStarted, attempts < Exchange.refusedAttemptsMax {
      worker.counters.add(.upstreamStaleRetries)
      dial()
    } else if isBodyStarted, let stream, let h2 = downstream?.h2 {
      // The body is gone from here, but the client has it: the same word lets it try again.
      h2.reset(stream, .refusedStream)
      worker.counters.add(.http2ResetsSent)
      downstream?.observeTurnEnd(of: worker.loop)
      refusal = .upstreamClosed
      finish(endsDownstream: false)
    } else {
      refuse(.upstreamClosed)
    }
  }

  private static var refusedAttemptsMax: Int { 4 }

  func upstreamFailed(_ refusal: Refusal) {
    isUpstreamReused = false
    upstreamBroke(refusal)
  }

  /// The response cannot be completed and its head is out: the client must notice.
  func breakOff() {
    guard let downstream else { return }
    if let stream, let h2 = downstream.h2 {
      h2.reset(stream, .internalError)
      worker.counters.add(.http2ResetsSent)
      downstream.observeTurnEnd(of: worker.loop)
      finish(endsDownstream: false)
    } else {
      downstream.flushOut()
      let connection = downstream
      let endsWithConnection = responseFraming == .untilEnd
      finish(endsDownstream: false)
      connection.exchangeBroke(endsWithConnection: endsWithConnection)
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
      connection.abandon(upstreamStream, owed: owedUpstream)
      owedUpstream = 0
      return
    }
    connection.exchange = nil
    if reusable { connection.release() } else { connection.close() }
  }
}
