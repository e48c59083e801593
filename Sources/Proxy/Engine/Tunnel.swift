import Bytes
import HTTP
import HTTP2
import Loop
import Telemetry

// The part of an exchange's life in which both directions belong to the application: WebSocket over HTTP/1.1 and
// HTTP/2, and any other upgrade over HTTP/1.1.

extension Exchange {
  /// The upstream switched protocols. False: it was not asked to.
  func beginTunnel(_ view: inout ResponseHead) -> Bool {
    guard upgrade != .none, let downstream, agreesToUpgrade(view) else {
      upstreamFailed(.upstreamMalformed)
      return false
    }
    stage = .tunnel
    status = 101
    isRequestComplete = stream != nil ? isRequestComplete : true
    worker.counters.increment(.tunnelsOpen)
    worker.loop.timers.schedule(self, afterMs: worker.settings.streamIdleMs)
    upstream?.enableKeepAlive()
    if let stream, let h2 = downstream.h2 {
      // RFC 8441 §5: success is a 2xx, and the key exchange stays on the HTTP/1.1 side.
      status = 200
      for index in 0..<view.headers.count where view.headers.fields[index].known == .secWebSocketAccept {
        view.headers.fields[index].isDropped = true
      }
      var answer = view
      answer.status = 200
      answer.body = .untilEnd
      submitResponse(answer, on: stream)
      _ = h2
      while let chunk = early.front {
        let count = chunk.count
        tunnelReceived(chunk.baseAddress!, count)
        if stage != .tunnel { return false }
        h2.consume(streamID: stream.id, count)
        early.consume(count, pool: worker.loop.slabs)
      }
    } else {
      downstream.reading = .tunnel
      writeSwitching(view)
      downstream.flushOut()
      downstream.loop.timers.cancel(downstream)
      // What the client sent ahead of the switch is the tunnel's now.
      downstream.resume(.pipelined)
    }
    if !worker.settings.writesAccessLog { releaseHead() }
    // The client closed its side before there was a tunnel to close.
    if stream != nil, isRequestComplete { tunnelEndedByClient() }
    return stage == .tunnel
  }

  /// RFC 9110 §7.8: the protocol must be one that was offered.
  private func agreesToUpgrade(_ view: ResponseHead) -> Bool {
    guard let value = view.headers.value(of: .upgrade) else { return false }
    return upgrade != .webSocket || ASCII.equalsIgnoringCase(value, "websocket")
  }

  private func writeSwitching(_ view: ResponseHead) {
    var out = HeadCursor(worker.out + worker.outCount)
    out.put("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n")
    for index in 0..<view.headers.count {
      let field = view.headers.fields[index]
      switch field.known {
      case .connection, .keepAlive, .proxyConnection, .transferEncoding, .contentLength, .portholeError,
        .portholeForwarded:
        continue
      case .setCookie
      where CookieFirewall.judge(
        setCookie: view.headers.bytes(field.value), host: UnsafeBufferPointer(start: nil, count: 0)) != .pass:
        continue
      default: break
      }
      if field.isDropped { continue }
      out.put(view.headers.bytes(field.name))
      out.put(": ")
      out.put(view.headers.bytes(field.value))
      out.put("\r\n")
    }
    out.put("\r\n")
    worker.outCount += out.at
  }

  private func releaseHead() {
    if let head { worker.loop.slabs.give(head) }
    head = nil
    headCount = 0
    log = LoggedRanges()
  }

  // MARK: Bytes

  /// From the client to the sandbox.
  func tunnelReceived(_ base: UnsafePointer<UInt8>, _ count: Int) {
    guard stage == .tunnel, let upstream else { return }
    lastByteMs = worker.loop.nowMs
    if stream == nil { requestBytes &+= UInt64(count) }
    guard upstream.send(base, count) else {
      tunnelEndedByUpstream(isOrderly: false)
      return
    }
    if upstream.bytesQueued > Transport.highMark {
      upstream.noteWaiting(self)
      if stream == nil { downstream?.pause(.peerFull) }
    }
  }

  /// From the sandbox to the client.
  func tunnelFromUpstream(_ base: UnsafePointer<UInt8>, _ offered: Int) {
    guard stage == .tunnel, let downstream else { return }
    var count = offered
    if upgrade == .webSocket {
      count = frames.note(base, offered, stopsAtBoundary: ending != nil)
      if ending != nil, frames.isAtBoundary {
        sendTunnelled(base, count, downstream)
        if let ending { endTunnel(ending) }
        return
      }
    }
    sendTunnelled(base, count, downstream)
  }

  private func sendTunnelled(_ base: UnsafePointer<UInt8>, _ count: Int, _ downstream: DownstreamConnection) {
    responseBytes &+= UInt64(count)
    lastByteMs = worker.loop.nowMs
    if let stream, let h2 = downstream.h2 {
      h2.append(stream, base, count)
      downstream.observeTurnEnd(of: worker.loop)
      if stream.outgoing.count > Transport.highMark / 2 {
        stream.wantsRoom = true
        upstream?.pause(.peerFull)
      }
      return
    }
    guard downstream.send(base, count) else {
      downstream.close()
      return
    }
    if downstream.bytesQueued > Transport.highMark { upstream?.pause(.peerFull) }
  }

  // MARK: Ends

  /// The client will send no more; the other direction goes on (RFC 6455 §7.1.1 needs it for the closing handshake).
  func tunnelEndedByClient() {
    guard stage == .tunnel, !isClientDone else { return }
    isClientDone = true
    upstream?.finishWriting()
    if isUpstreamEnded { endTunnelQuietly() } else { watchHalfClosed() }
  }

  /// One direction is over and the other has nothing to say: nobody waits for that for ever.
  private func watchHalfClosed() {
    lastByteMs = worker.loop.nowMs
    worker.loop.timers.schedule(self, afterMs: worker.settings.keepAliveIdleMs)
  }

  /// Nothing has moved for a while: half a tunnel ends soon, a whole one only after `streamIdleMs`.
  func silentTunnelReached() {
    let isHalf = isClientDone || isUpstreamEnded
    let limitMs = isHalf ? worker.settings.keepAliveIdleMs : worker.settings.streamIdleMs
    let silentMs = worker.loop.nowMs &- lastByteMs
    if silentMs < limitMs {
      worker.loop.timers.schedule(self, afterMs: limitMs - silentMs)
    } else if isHalf {
      endTunnelQuietly()
    } else {
      endTunnel(.upstreamTimeout)
    }
  }

  /// The sandbox will send no more, or broke.
  func tunnelEndedByUpstream(isOrderly: Bool) {
    guard stage == .tunnel, let downstream else { return }
    if isOrderly {
      if isUpstreamEnded { return }
      isUpstreamEnded = true
      if let stream, let h2 = downstream.h2 {
        h2.end(stream)
        downstream.observeTurnEnd(of: worker.loop)
      } else {
        downstream.finishWriting()
      }
      if isClientDone { endTunnelQuietly() } else { watchHalfClosed() }
      return
    }
    // It broke: what a WebSocket's client gets to know of that is a close code.
    endTunnel(isUpstreamEnded ? nil : .upstreamReset)
  }

  /// Both directions are done.
  private func endTunnelQuietly() {
    guard let downstream else { return }
    if let stream, let h2 = downstream.h2 {
      // What the client has not closed by now, it need not.
      h2.end(stream)
      h2.resetAfterEnd(stream)
      downstream.observeTurnEnd(of: worker.loop)
      finish(endsDownstream: false)
      return
    }
    let connection = downstream
    finish(endsDownstream: false)
    connection.exchange = nil
    connection.finishWriting()
    connection.linger()
  }

  /// The drain is over: the tunnel ends at the next place where a close frame may stand, which is most often now.
  func endTunnelAtBoundary(_ refusal: Refusal) {
    guard stage == .tunnel else { return }
    if upgrade == .webSocket, !frames.isAtBoundary, upstream != nil, !isUpstreamEnded {
      ending = refusal
    } else {
      endTunnel(refusal)
    }
  }

  /// Porthole itself ends the tunnel: a WebSocket's client gets a close frame with the word as its reason, where a frame
  /// may stand. Nil: there is nothing to be said.
  func endTunnel(_ refusal: Refusal?) {
    guard stage == .tunnel, let downstream else { return }
    self.refusal = refusal
    if let refusal, upgrade == .webSocket, frames.isAtBoundary, !frames.hasClosed {
      var frame = WebSocketFrames.close(code: refusal.webSocketCode, reason: refusal.word)
      frame.withUnsafeMutableBufferPointer { bytes in
        if let stream, let h2 = downstream.h2 {
          h2.append(stream, bytes.baseAddress!, bytes.count)
          h2.end(stream)
          downstream.observeTurnEnd(of: worker.loop)
        } else {
          downstream.send(bytes.baseAddress!, bytes.count)
        }
      }
    } else if let stream, let h2 = downstream.h2 {
      h2.reset(stream, .cancel)
      downstream.observeTurnEnd(of: worker.loop)
    }
    if stream != nil {
      finish(endsDownstream: false)
      return
    }
    let connection = downstream
    finish(endsDownstream: false)
    connection.exchange = nil
    connection.finishWriting()
    connection.linger()
  }
}

/// Follows the frame boundaries of one direction of a WebSocket (RFC 6455 §5.2), so that a frame of ours can be put in
/// without cutting one of the app's. It looks at lengths only; what it cannot follow is never "at a boundary".
struct WebSocketFrames {
  private var headNeeded = 2
  private var headCount = 0
  private var head: (UInt8, UInt8, UInt64) = (0, 0, 0)
  private var payloadLeft: UInt64 = 0
  /// A close frame has begun: no other frame may follow it (§5.5.1).
  private(set) var hasClosed = false

  var isAtBoundary: Bool { headCount == 0 && payloadLeft == 0 }

  /// Reads on and answers how many bytes that were: all, or those up to the next boundary.
  @discardableResult
  mutating func note(_ base: UnsafePointer<UInt8>, _ count: Int, stopsAtBoundary: Bool = false) -> Int {
    var at = 0
    while at < count {
      if stopsAtBoundary, at > 0, isAtBoundary { return at }
      if payloadLeft > 0 {
        let part = min(payloadLeft, UInt64(count - at))
        payloadLeft -= part
        at += Int(part)
        continue
      }
      let byte = base[at]
      at += 1
      switch headCount {
      case 0:
        head = (byte, 0, 0)
        if byte & 0x0F == 0x8 { hasClosed = true }
      case 1:
        head.1 = byte
        let length = byte & 0x7F
        let mask = byte & 0x80 == 0 ? 0 : 4
        headNeeded = 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + mask
      default:
        let extended = head.1 & 0x7F == 126 ? 2 : head.1 & 0x7F == 127 ? 8 : 0
        if headCount - 2 < extended { head.2 = head.2 << 8 | UInt64(byte) }
      }
      headCount += 1
      if headCount >= 2, headCount == headNeeded {
        payloadLeft = head.1 & 0x7F < 126 ? UInt64(head.1 & 0x7F) : head.2
        headCount = 0
        headNeeded = 2
        head = (0, 0, 0)
      }
    }
    return at
  }

  /// An unmasked close frame, as servers send it (§5.5.1). The reason is one of our words and short.
  static func close(code: UInt16, reason: StaticString) -> [UInt8] {
    let text = UnsafeBufferPointer(start: reason.utf8Start, count: min(reason.utf8CodeUnitCount, 123))
    return [0x88, UInt8(2 + text.count), UInt8(code >> 8), UInt8(code & 0xFF)] + text
  }
}

extension Refusal {
  /// RFC 6455 §7.4.1 and the IANA registry: going away, try again later, policy violation, bad gateway.
  var webSocketCode: UInt16 {
    switch self {
    case .draining, .terminated, .paused: 1001
    case .overloaded, .tooManyRequests, .starting: 1013
    case .unauthenticated, .forbidden, .notFound: 1008
    default: 1014
    }
  }
}
