import Bytes
import HTTP
import HTTP1
import HTTP2
import Loop
import Telemetry

extension DownstreamConnection {
  func beginHTTP2() {
    var settings = HTTP2Settings()
    settings.concurrentStreams = worker.settings.streamsPerConnection
    settings.limits = worker.settings.head
    guard let session = HTTP2Session(role: .server, settings: settings, slabs: loop.slabs) else {
      close()
      return
    }
    h2 = session
    loop.timers.schedule(self, afterMs: worker.settings.requestHeadMs)
    observeTurnEnd(of: loop)
  }

  /// Input is given to nghttp2 in slices: what one slice can unpack to (HPACK) is what the inbox may hold at once.
  private static var sliceBytes: Int { 16_384 }

  func receivedHTTP2(_ base: UnsafeMutablePointer<UInt8>, _ count: Int) {
    guard let h2 else { return }
    if case .discard = reading { return }
    var at = 0
    while at < count, !isClosing {
      let part = min(count - at, DownstreamConnection.sliceBytes)
      let isAlive = h2.receive(base + at, part)
      at += part
      drainInbox(h2)
      guard isAlive else {
        h2.terminate(.protocolError)
        flushHTTP2()
        return
      }
    }
    holdAgainstTime(h2)
    let inPieces = h2.headInPieces
    if inPieces != headOwed {
      headOwed = inPieces
      if inPieces != 0 { loop.timers.schedule(self, afterMs: worker.settings.requestHeadMs) }
    }
    observeTurnEnd(of: loop)
  }

  /// RFC 9113 §10.5: a peer may send frames that bring nothing, but not many more of them than time passes.
  private func holdAgainstTime(_ h2: HTTP2Session) {
    let seen = h2.idleFrames
    if seen == idleFramesSeen { return }
    let passedMs = Int(loop.nowMs &- idleFramesAtMs)
    idleFramesAtMs = loop.nowMs
    idleFramesHeld =
      max(0, idleFramesHeld - passedMs * DownstreamConnection.idleFramesPerSecond / 1000) + seen - idleFramesSeen
    idleFramesSeen = seen
    if idleFramesHeld > DownstreamConnection.idleFramesMax { h2.terminate(.enhanceYourCalm) }
  }

  private static var idleFramesPerSecond: Int { 200 }
  private static var idleFramesMax: Int { 2000 }

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
    switch event.kind {
    case .head: takeHead(event, h2)
    case .headTooLarge:
      guard let stream = event.stream?.takeUnretainedValue(), !stream.isClosed else { return }
      count(stream)
      worker.takeExchange().beginRefused(on: self, stream: stream, .headTooLarge, isComplete: event.endsStream)
    case .data:
      guard let exchange = exchange(of: event) else {
        h2.consume(streamID: event.streamID, event.count)
        return
      }
      exchange._withUnsafeGuaranteedRef { $0.requestBodyHTTP2(event.bytes!, event.count) }
    case .end: exchange(of: event)?._withUnsafeGuaranteedRef { $0.requestEnded(trailers: nil) }
    case .trailers:
      let headers = h2.headers(of: event)
      exchange(of: event)?._withUnsafeGuaranteedRef { $0.requestEnded(trailers: headers) }
    case .closed:
      if event.errorCode != 0 {
        worker.counters.add(.http2ResetsReceived)
      }
      guard let stream = event.stream?.takeUnretainedValue() else { break }
      if stream.isCounted { worker.counters.decrement(.http2StreamsOpen) }
      guard let owner = stream.owner else { break }
      stream.owner = nil
      Unmanaged<Exchange>.fromOpaque(owner)._withUnsafeGuaranteedRef { $0.downstreamLost() }
    case .goAway:
      isShuttingDown = true
    }
    if h2.openStreams == 0 { loop.timers.schedule(self, afterMs: worker.settings.keepAliveIdleMs) }
  }

  private func exchange(of event: HTTP2Event) -> Unmanaged<Exchange>? {
    guard let stream = event.stream else { return nil }
    return stream._withUnsafeGuaranteedRef { $0.owner.map { Unmanaged<Exchange>.fromOpaque($0) } }
  }

  private func takeHead(_ event: HTTP2Event, _ h2: HTTP2Session) {
    // A stream that was reset in the same read is not worth a sandbox's attention.
    guard let stream = event.stream?.takeUnretainedValue(), !stream.isClosed else { return }
    count(stream)
    let exchange = worker.takeExchange()
    var head = RequestHead(headers: h2.headers(of: event))
    let base = head.headers.base
    head.methodName = event.method
    head.method = Method(event.method.bytes(in: base))
    head.target = event.path
    head.authority = event.authority
    head.body = event.endsStream ? .none : .untilEnd
    if let refusal = complete(&head, event, base) {
      exchange.beginRefused(on: self, stream: stream, refusal, isComplete: event.endsStream)
      return
    }
    exchange.begin(on: self, stream: stream, head: head)
    // The client closed its side of a tunnel that is not open yet (RFC 8441 §5).
    if event.endsStream, head.upgrade != .none {
      self.exchange(of: event)?._withUnsafeGuaranteedRef { $0.requestEnded(trailers: nil) }
    }
  }

  private func count(_ stream: HTTP2Stream) {
    stream.isCounted = true
    worker.counters.increment(.http2StreamsOpen)
    worker.counters.add(.requestsHTTP2)
  }

  /// What nghttp2 leaves to us of RFC 9113 §8.3.1 and RFC 8441 §4.
  private func complete(_ head: inout RequestHead, _ event: HTTP2Event, _ base: UnsafePointer<UInt8>) -> Refusal? {
    let headers = head.headers
    if head.method == .connect {
      guard ASCII.equals(event.protocol.bytes(in: base), "websocket") else { return .methodNotAllowed }
      head.upgrade = .webSocket
      head.body = .untilEnd
    }
    // The same bound as in HTTP/1.1: no method that anybody uses is longer.
    guard head.methodName.count <= 32 else { return .malformed }
    let path = head.target.bytes(in: base)
    guard HTTPGrammar.isTarget(path, method: head.method) else { return .badTarget }
    if path.count > worker.settings.head.requestLineBytes { return .uriTooLong }
    var hosts = 0
    for index in 0..<headers.count {
      let field = headers.fields[index]
      switch field.known {
      case .host:
        hosts += 1
        if head.authority.isEmpty { head.authority = field.value }
        // Two names for one request: whoever reads the other one is fooled.
        guard hosts == 1, HTTPGrammar.sameAuthority(headers.bytes(field.value), head.authority.bytes(in: base)) else {
          return .badHost
        }
      case .contentLength where head.upgrade == .none:
        guard let length = HTTPGrammar.contentLength(headers.bytes(field.value)) else { return .conflictingFraming }
        if !event.endsStream { head.body = .length(length) } else if length != 0 { return .conflictingFraming }
      case .expect:
        guard ASCII.equalsIgnoringCase(headers.bytes(field.value), "100-continue") else { return .expectationFailed }
        head.expectsContinue = true
      default: break
      }
    }
    guard !head.authority.isEmpty, HTTPGrammar.isAuthority(head.authority.bytes(in: base)) else { return .badHost }
    return nil
  }

  // MARK: Out

  /// Makes frames while the socket takes them: what it does not take stays with the streams, where it is bounded.
  func flushHTTP2() {
    guard let h2 else { return }
    while bytesQueued < Transport.highMark / 4, !isClosing {
      let count = h2.produce(into: worker.out, goal: DownstreamConnection.flushBytes)
      if count < 0 {
        close()
        return
      }
      if count == 0 { break }
      guard send(worker.out, count) else {
        close()
        return
      }
    }
    if !h2.drained.isEmpty {
      var index = 0
      while index < h2.drained.count {
        h2.drained[index]._withUnsafeGuaranteedRef { stream in
          guard let owner = stream.owner else { return }
          Unmanaged<Exchange>.fromOpaque(owner)._withUnsafeGuaranteedRef { $0.downstreamDrained() }
        }
        index += 1
      }
      h2.clearDrained()
    }
    // Frames that were sent may have closed streams.
    if h2.eventCount > 0 { drainInbox(h2) }
    if isClosing { return }
    if bytesQueued >= Transport.highMark / 4, h2.framesQueued > DownstreamConnection.framesQueuedMax {
      // It makes us answer and does not read the answers: it is not read either until it does.
      pause(.peerFull)
    }
    if isShuttingDown, h2.openStreams == 0, !h2.isFinished, !isGoAwaySent {
      // The last word says which streams were served: whatever comes after them can be sent again (RFC 9113 §6.8).
      sendGoAway()
      observeTurnEnd(of: loop)
      return
    }
    if h2.isFinished || (isShuttingDown && h2.openStreams == 0 && !h2.wantsToSend) {
      abandonExchanges()
      finishWriting()
      linger()
    }
  }

  private static var framesQueuedMax: Int { 1024 }

  private static var flushBytes: Int { 49_152 }

  // MARK: Ending

  func http2IdleReached() {
    guard let h2 else { return }
    if case .discard = reading {
      lingerReached()
      return
    }
    if headOwed != 0, h2.headInPieces == headOwed {
      // Nothing else can be said on this connection until the head is whole, so this ends all of it.
      h2.terminate(.enhanceYourCalm)
      observeTurnEnd(of: loop)
      return
    }
    if isShuttingDown, !isGoAwaySent { sendGoAway() }
    if h2.openStreams > 0 {
      resetStalled(h2)
      loop.timers.schedule(self, afterMs: worker.settings.keepAliveIdleMs)
      return
    }
    isShuttingDown = true
    observeTurnEnd(of: loop)
  }

  /// A stream with an exchange is its exchange's to watch. One that has been answered, and whose client took none of
  /// the answer since the last look, is given up: unread answers are memory.
  private func resetStalled(_ h2: HTTP2Session) {
    for stream in h2.allStreams() where stream.owner == nil {
      if stream.bytesSeen == stream.outgoing.count {
        h2.reset(stream, .cancel)
        worker.counters.add(.http2ResetsSent)
        observeTurnEnd(of: loop)
      }
      stream.bytesSeen = stream.outgoing.count
    }
  }

  private func sendGoAway() {
    guard let h2 else { return }
    isGoAwaySent = true
    h2.goAway(.noError)
    observeTurnEnd(of: loop)
  }

  func drainHTTP2() {
    guard let h2 else { return }
    isShuttingDown = true
    if h2.openStreams > 0 {
      // A notice first: streams that are on their way to us are still served. A second later, the final word.
      h2.announceShutdown()
      loop.timers.schedule(self, afterMs: 1000)
    }
    observeTurnEnd(of: loop)
  }

  func endHTTP2Now() {
    guard let h2 else { return }
    for stream in h2.allStreams() {
      guard let owner = stream.owner else { continue }
      Unmanaged<Exchange>.fromOpaque(owner)._withUnsafeGuaranteedRef { exchange in
        exchange.endTunnelAtBoundary(.draining)
      }
    }
    if !isGoAwaySent { sendGoAway() }
    observeTurnEnd(of: loop)
  }
}
