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
    case .local: return call?.wantsBody ?? true
    case .dialing: return false
    case .idle, .ended: return true
    }
  }

  /// The upstream is gone but the client still sends: its bytes are read and dropped.
  var isDiscarding: Bool { isUpstreamDone || isUpstreamDeaf }

  /// A write to the upstream failed after the head. It may have answered and closed without reading everything; on Linux
  /// that answer can still be read, so reading tells how it ends.
  func upstreamTakesNoMore() {
    guard let upstream else { return }
    guard upstream.isReading || !upstream.pauseReasons.isEmpty else {
      upstreamBroke(nil)
      return
    }
    isUpstreamDeaf = true
    downstream?.resume(.peerFull)
  }

  /// Body bytes from an HTTP/1.1 client.
  func requestBody(_ base: UnsafePointer<UInt8>, _ count: Int) {
    if count == 0 { return }
    requestBytes &+= UInt64(count)
    lastByteMs = worker.loop.nowMs
    if call != nil {
      localBody(base, count)
      return
    }
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
    lastByteMs = worker.loop.nowMs
    let limit = worker.settings.bodyBytesMax
    if limit > 0, requestBytes > limit, stage != .tunnel {
      h2.consume(streamID: stream.id, count)
      bodyTooLarge()
      return
    }
    switch stage {
    case .local:
      // Owed until the call has taken it.
      unconsumed += count
      localBody(base, count)
    case .dialing:
      early.append(base, count, pool: worker.loop.slabs)
    case .tunnel:
      // Owed before it is sent: should the upstream break under it, `finish` gives it back.
      unconsumed += count
      tunnelReceived(base, count)
      giveBack()
    case .awaitingResponse, .responding:
      if isDiscarding || (upgrade != .none) {
        if upgrade != .none, !isDiscarding {
          early.append(base, count, pool: worker.loop.slabs)
        } else {
          h2.consume(streamID: stream.id, count)
        }
        return
      }
      unconsumed += count
      forwardBody(base, count)
      giveBack()
    case .idle, .ended:
      h2.consume(streamID: stream.id, count)
    }
  }

  /// Opens the HTTP/2 window for bytes that the upstream's socket took; the rest waits for `upstreamDrained`.
  func giveBack() {
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
    while let chunk = early.front {
      let count = chunk.count
      forwardBody(chunk.baseAddress!, count)
      // The upstream broke under it: `finish` has given back what was in `early`.
      if stage == .idle { return }
      early.consume(count, pool: worker.loop.slabs)
      unconsumed += count
      giveBack()
    }
    if isRequestComplete, requestFraming != .none { endEarly() }
  }

  /// Ends a request whose end came before there was an upstream.
  private func endEarly() {
    if earlyTrailers.isEmpty {
      endRequest(trailers: nil)
      return
    }
    let trailers = earlyTrailers
    earlyTrailers = []
    trailers.withUnsafeBufferPointer { lines in
      guard let base = lines.baseAddress else { return }
      let count = TrailerParser.parse(base, count: lines.count, fields: worker.fields) ?? 0
      endRequest(trailers: HeaderList(base: base, fields: worker.fields, count: count))
    }
  }

  /// Keeps a trailer section until there is an upstream. Rare enough for an array.
  private func keepEarly(_ trailers: HeaderList) {
    for index in 0..<trailers.count where TrailerWriter.isAllowed(trailers.fields[index].known) {
      let field = trailers.fields[index]
      earlyTrailers += trailers.bytes(field.name)
      earlyTrailers += [0x3A, 0x20]
      earlyTrailers += trailers.bytes(field.value)
      earlyTrailers += [0x0D, 0x0A]
    }
  }

  func forwardBody(_ base: UnsafePointer<UInt8>, _ count: Int) {
    guard let upstream, !isDiscarding else { return }
    isBodyStarted = true
    if stage == .responding { worker.loop.timers.schedule(self, afterMs: worker.settings.streamIdleMs) }
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
        upstreamTakesNoMore()
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
    case .local: call?.complete()
    case .dialing: if let trailers { keepEarly(trailers) }  // `sendEarly` ends it
    case .awaitingResponse, .responding:
      if let call {
        call.complete()
      } else if upgrade == .none {
        endRequest(trailers: trailers)
      }
    case .idle, .ended: break
    }
  }

  func endRequest(trailers: HeaderList?) {
    guard let upstream, !isDiscarding else { return }
    if let upstreamStream {
      trailers.map(TrailerWriter.drop)
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
        upstreamTakesNoMore()
        return
      }
    } else {
      sendHead()
    }
    if stage == .awaitingResponse { worker.loop.timers.schedule(self, afterMs: worker.settings.responseHeadMs) }
  }

  /// The client broke its own framing in the middle of a body: nothing of it may look complete to the sandbox.
  func requestMalformed() { requestFailed(.malformed) }

  func requestTimedOut() { requestFailed(.timeout) }

  private func requestFailed(_ refusal: Refusal) {
    detachUpstream(reusable: false)
    if stage == .responding { breakOff() } else { refuse(refusal) }
  }

  /// The upstream's queue is short again.
  func upstreamDrained() {
    returnWindow()
    downstream?.resume(.peerFull)
  }

  /// Request bytes are still on their way into the upstream's socket.
  var hasUnsentRequest: Bool { isHeadPending || (upstream?.bytesQueued ?? 0) > 0 }
}
