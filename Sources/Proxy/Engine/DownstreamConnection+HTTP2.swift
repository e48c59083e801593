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
      watchHeads(h2)
      guard isAlive else {
        flushHTTP2()
        if !isClosing {
          finishWriting()
          linger()
        }
        return
      }
    }
    observeTurnEnd(of: loop)
  }

  /// A head that has begun must end in time, whatever else goes on: nothing can come before its end (RFC 9113 §4.3).
  private func watchHeads(_ h2: HTTP2Session) {
    guard h2.isReceivingHead != isHeadBegun else { return }
    isHeadBegun.toggle()
    if isHeadBegun { loop.timers.schedule(self, afterMs: worker.settings.requestHeadMs) }
  }

  private func drainInbox(_ h2: HTTP2Session) {
    var index = 0
    while index < h2.eventCount, !isClosing {
      take(h2.event(index), h2)
      index += 1
    }
    h2.clearEvents()
    h2.releaseClosed()
    countStreams(h2.openStreams)
  }

  /// Streams that were reset before they were requests come and go, too: what is counted is what the session has.
  func countStreams(_ open: Int) {
    worker.counters.add(.http2StreamsOpen, UInt64(bitPattern: Int64(open - streamsCounted)))
    streamsCounted = open
  }

  private func take(_ event: HTTP2Event, _ h2: HTTP2Session) {
    switch event.kind {
    case .head: takeHead(event, h2)
    case .headTooLarge:
      guard let stream = event.stream?.takeUnretainedValue(), !stream.isClosed else { return }
      if let exchange = exchange(of: event) {
        // Trailers: the stream has its exchange already.
        exchange._withUnsafeGuaranteedRef { $0.requestMalformed(.headTooLarge) }
        return
      }
      worker.takeExchange().beginRefused(on: self, stream: stream, .headTooLarge)
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
      guard let stream = event.stream?.takeUnretainedValue(), let owner = stream.owner else { break }
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
    guard let stream = event.stream?.takeUnretainedValue() else { return }
    worker.counters.add(.requestsHTTP2)
    let exchange = worker.takeExchange()
    var head = RequestHead(headers: h2.headers(of: event))
    let base = head.headers.base
    head.methodName = event.method
    head.method = Method(event.method.bytes(in: base))
    head.target = event.path
    head.authority = event.authority
    head.body = event.endsStream ? .none : .untilEnd
    if let refusal = complete(&head, event, base) {
      exchange.beginRefused(on: self, stream: stream, refusal)
      return
    }
    loop.timers.cancel(self)
    exchange.begin(on: self, stream: stream, head: head)
  }

  /// What nghttp2 leaves to us of RFC 9113 §8.3.1 and RFC 8441 §4.
  private func complete(_ head: inout RequestHead, _ event: HTTP2Event, _ base: UnsafePointer<UInt8>) -> Refusal? {
    let headers = head.headers
    if head.method == .connect {
      guard ASCII.equals(event.protocol.bytes(in: base), "websocket") else { return .methodNotAllowed }
      head.upgrade = .webSocket
      head.body = .untilEnd
    }
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
        guard hosts == 1, HTTPGrammar.sameAuthority(headers.bytes(field.value), head.authority.bytes(in: base)) else { return .badHost }
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
    if h2.isFinished || (isShuttingDown && h2.openStreams == 0 && !h2.wantsToSend) {
      finishWriting()
      linger()
    }
  }

  private static var flushBytes: Int { 49_152 }

  // MARK: Ending

  func http2IdleReached() {
    guard let h2 else { return }
    if case .discard = reading {
      close()
      return
    }
    if h2.isReceivingHead {
      h2.terminate(.enhanceYourCalm)
      observeTurnEnd(of: loop)
      return
    }
    if h2.openStreams > 0 { return }
    h2.goAway(.noError)
    isShuttingDown = true
    observeTurnEnd(of: loop)
  }

  func drainHTTP2() {
    guard let h2 else { return }
    // One GOAWAY for everything: streams that are in flight towards us are below its limit and still served.
    h2.announceShutdown()
    isShuttingDown = true
    observeTurnEnd(of: loop)
  }

  func endHTTP2Now() {
    guard let h2 else { return }
    for stream in h2.allStreams() {
      guard let owner = stream.owner else { continue }
      Unmanaged<Exchange>.fromOpaque(owner)._withUnsafeGuaranteedRef { exchange in
        if exchange.isTunnel { exchange.endTunnel(.draining) }
      }
    }
    h2.goAway(.noError)
    flushHTTP2()
    if !isClosing { finishWriting() }
  }
}
