import Bytes
import HTTP
import HTTP1
import HTTP2
import Loop
import Pages
import Router
import TLS
import Telemetry

// The way up: the client's body to the sandbox.

extension Exchange {
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
  var isDiscarding: Bool { isUpstreamDone }

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

  func bodyTooLarge() {
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
    bodyReceivedMs = worker.loop.nowMs
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
      giveBack(count, of: stream, h2)
    case .awaitingResponse, .responding:
      if isDiscarding || (upgrade != .none) {
        if upgrade != .none, !isDiscarding { early.append(base, count, pool: worker.loop.slabs) } else { h2.consume(streamID: stream.id, count) }
        return
      }
      forwardBody(base, count)
      giveBack(count, of: stream, h2)
    case .idle, .ended:
      h2.consume(streamID: stream.id, count)
    }
  }

  /// Opens the HTTP/2 window for bytes that the upstream's socket took; the rest waits for `upstreamDrained`.
  ///
  /// Forwarding them may have ended the exchange. Then they are the connection's only, and not the next exchange's.
  func giveBack(_ count: Int, of stream: HTTP2Stream, _ h2: HTTP2Session) {
    guard self.stream === stream else {
      h2.consume(streamID: stream.id, count)
      return
    }
    unconsumed += count
    guard let upstream, upstream.outgoingBytes(of: self) > Transport.highMark / 4 else {
      returnWindow()
      return
    }
    upstream.noteWaiting(self)
  }

  func returnWindow() {
    guard unconsumed > 0, let stream, let downstream, let h2 = downstream.h2 else { return }
    h2.consume(streamID: stream.id, unconsumed)
    unconsumed = 0
    downstream.observeTurnEnd(of: worker.loop)
  }

  func sendEarly() {
    if let stream, let h2 = downstream?.h2 {
      while let chunk = early.front {
        let count = chunk.count
        forwardBody(chunk.baseAddress!, count)
        // A failure ended the exchange, which gave all of `early` back, or sent it back to dialling.
        guard self.stream === stream, stage == .awaitingResponse || stage == .responding else { return }
        giveBack(count, of: stream, h2)
        early.consume(count, pool: worker.loop.slabs)
      }
    }
    if isRequestComplete, requestFraming != .none { endRequest(trailers: nil) }
  }

  func forwardBody(_ base: UnsafePointer<UInt8>, _ count: Int) {
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

  func endRequest(trailers: HeaderList?) {
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
  func requestMalformed(_ refusal: Refusal = .malformed) {
    detachUpstream(reusable: false)
    if stage == .responding || stage == .tunnel {
      breakOff()
    } else {
      refuse(refusal)
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
}
