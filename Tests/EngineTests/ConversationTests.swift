import Bytes
import Foundation
import HTTP2
import Sandbox
import TLS
import Telemetry
import Testing

@testable import ProxyEngine

/// Conversations whose timing matters: each was a bug once, or is where one would hide.
@Suite struct ConversationTests {
  private func with(
    _ upstream: UpstreamProtocol = .http1, _ change: (inout EngineSettings) -> Void = { _ in },
    origin script: @escaping @Sendable (PlainSocket) -> Void, _ body: (Edge, String) throws -> Void
  ) throws {
    let origin = Origin(script)
    let edge = try Edge(exposures: [Exposure(port: origin.port, upstream: upstream)], change)
    defer { edge.stop() }
    do { try body(edge, origin.host) } catch { Issue.record("\(error)") }
    origin.stop()
    #expect(edge.leftovers() == [])
  }

  private func http2(_ edge: Edge, _ host: String) throws -> HTTP2Peer {
    HTTP2Peer(.client, try TLSSocket(edge, host: host, alpn: .http2))
  }

  /// An h2c service: answers each request by `answer`, which is called once per head.
  private static func h2c(_ answer: @escaping @Sendable (HTTP2Peer, HTTP2Peer.Seen) -> Void)
    -> @Sendable (PlainSocket) -> Void
  {
    { socket in
      let peer = HTTP2Peer(.server, socket)
      nonisolated(unsafe) var answered: Set<Int32> = []  // This thread's.
      peer.pump { peer in
        for (id, seen) in peer.seen.sorted(by: { $0.key < $1.key }) where answered.insert(id).inserted {
          answer(peer, seen)
        }
        peer.flush()
        return false
      }
    }
  }

  // MARK: HTTP/1.1 upstream

  @Test func trailersThatComeInPiecesArriveWhole() throws {
    let isHalfRead = Flag()
    try with(
      origin: GivenBackTests.after { socket in
        socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Checksum-Of-It: abc")
        isHalfRead.wait()
        socket.send("def\r\nX-Second: 2\r\n\r\n")
        GivenBackTests.silent(socket)
      }
    ) { edge, host in
      let client = try TLSSocket(edge, host: host)
      client.get("/", "TE: trailers\r\n")
      _ = client.receive(through: "hello")
      #expect(eventually { edge.value(.upstreamBytesReceived) >= 81 })
      isHalfRead.set()
      #expect(client.receive(through: "X-Second: 2\r\n\r\n")?.contains("0\r\nX-Checksum-Of-It: abcdef\r\n") == true)
    }
  }

  @Test func anHTTPSServiceThatHangsUpIsAnsweredAtOnce() throws {
    try with(
      .https,
      origin: {
        _ = $0.receive(); $0.close()
      }
    ) { edge, host in
      let client = try TLSSocket(edge, host: host)
      let began = DispatchTime.now().uptimeNanoseconds
      client.get()
      #expect(client.receive(through: "\r\n")?.hasPrefix("HTTP/1.1 502") == true)
      #expect(DispatchTime.now().uptimeNanoseconds - began < 2_000_000_000)
      #expect(edge.value(.upstreamDials) == 1)
    }
  }

  @Test func aServiceThatSignsItsOwnCertificateIsReached() throws {
    try with(
      .https,
      origin: { socket in
        guard let service = try? TLSSocket(serving: socket) else { return }
        while service.receive(through: "\r\n\r\n") != nil, service.send(GivenBackTests.ok) {}
      }
    ) { edge, host in
      let client = try TLSSocket(edge, host: host)
      for _ in 0..<2 {
        client.get()
        #expect(client.receive(through: "hello")?.hasPrefix("HTTP/1.1 200") == true)
      }
      #expect(edge.value(.upstreamDials) == 1)
    }
  }

  // MARK: HTTP/2 upstream

  @Test func theHeadOfAnHTTP2ServiceIsNotHeldBack() throws {
    try with(.h2c, origin: Self.h2c { peer, seen in peer.respond(seen.stream) }) { edge, host in
      let client = try TLSSocket(edge, host: host)
      client.get()
      #expect(client.receive(through: "\r\n\r\n")?.hasPrefix("HTTP/1.1 200") == true)
    }
  }

  /// All clients' answers are gathered in the same scratch memory.
  @Test func clientsOfOneHTTP2ServiceGetTheirOwnAnswers() throws {
    try with(
      .h2c,
      origin: Self.h2c { peer, last in
        // Answers when all three are there, and the heads of all before the body of any.
        let all = peer.seen.values.sorted { $0.path < $1.path }
        guard all.count == 3, all.allSatisfy({ $0.stream.id <= last.stream.id }) else { return }
        for seen in all { peer.respond(seen.stream, 200, [("x-path", seen.path)]) }
        for seen in all.dropFirst() {
          peer.append(seen.stream, "body of \(seen.path)")
          peer.end(seen.stream)
        }
      }
    ) { edge, host in
      // The first request makes the connection that the others share.
      let clients = try (0..<3).map { _ in try TLSSocket(edge, host: host) }
      for (index, client) in clients.enumerated() {
        client.get("/\(index)", "Connection: close\r\n")
        #expect(
          eventually { edge.value(.requestsHTTP1) == UInt64(index + 1) && edge.value(.upstreamBytesReceived) > 0 })
      }
      for index in 1..<3 {
        let answer = clients[index].receiveAll()
        #expect(answer.components(separatedBy: "HTTP/1.1").count == 2, "\(answer)")
        #expect(answer.contains("x-path: /\(index)\r\n") && answer.contains("body of /\(index)"), "\(answer)")
      }
      #expect(clients[0].receive(through: "\r\n\r\n")?.contains("x-path: /0\r\n") == true)
    }
  }

  @Test func aRequestThatCannotBeWrittenIsRefusedAndNotDialledForEver() throws {
    try with(.h2c, origin: Self.h2c { peer, seen in peer.respond(seen.stream, 200, hasBody: false) }) { edge, host in
      let peer = try http2(edge, host)
      let seen = peer.pump(untilEndOf: peer.request(host, method: String(repeating: "M", count: 100)))
      #expect(seen.status >= 200)
      #expect(edge.value(.upstreamDials) <= 2)
    }
  }

  // MARK: HTTP/2 downstream

  @Test func trailersBeyondTheLimitEndTheirOwnRequest() throws {
    try with(origin: GivenBackTests.silent) { edge, host in
      let peer = try http2(edge, host)
      let stream = peer.request(host, method: "POST", hasBody: true)
      peer.append(stream, "hello")
      peer.flush()
      #expect(eventually { edge.value(.upstreamBytesSent) > 5 })
      peer.end(stream, trailers: (0..<130).map { ("x-\($0)", "v") })
      // A reset, since a head that cannot be read has no answer; what counts is that nothing of the request is left.
      _ = peer.pump(untilEndOf: stream)
      #expect(eventually { edge.value(.requestsInFlight) == 0 })
    }
  }

  @Test func streamsThatNeverBecameRequestsAreNotCounted() throws {
    try with(origin: answering(GivenBackTests.ok)) { edge, host in
      let peer = try http2(edge, host)
      // Too many fields; connection-specific; fine.
      _ = peer.pump(untilEndOf: peer.request(host, (0..<130).map { ("x-\($0)", "v") }))
      _ = peer.pump(untilEndOf: peer.request(host, [("connection", "close")]))
      #expect(peer.pump(untilEndOf: peer.request(host)).status == 200)
      #expect(eventually { edge.value(.http2StreamsOpen) == 0 })
    }
  }

  /// The body waits for an upstream, and that resets as soon as it is there: every piece of the body may be the one that
  /// fails.
  @Test func aBodyThatWaitedForASandboxThatResets() throws {
    for size in [1, 20_000, 200_000] {
      try with(origin: { $0.reset() }) { edge, host in
        for _ in 0..<20 {
          let peer = try http2(edge, host)
          let stream = peer.request(host, method: "POST", hasBody: true)
          peer.append(stream, [UInt8](repeating: 0x62, count: size))
          peer.end(stream)
          let seen = peer.pump(untilEndOf: stream)
          #expect(seen.status == 502, "\(seen)")
        }
      }
    }
  }

  /// What a broken request's body took of the connection's window is given back, or later requests starve.
  @Test func theWindowSurvivesSandboxesThatReset() throws {
    let mayReset = Flag()
    try with(
      origin: GivenBackTests.after { socket in
        if mayReset.isSet { return answering(GivenBackTests.ok)(socket) }
        _ = socket.receive()
        socket.reset()
      }
    ) { edge, host in
      let peer = try http2(edge, host)
      for _ in 0..<12 {
        let stream = peer.request(host, method: "POST", hasBody: true)
        peer.append(stream, [UInt8](repeating: 0x62, count: 200_000))
        peer.end(stream)
        _ = peer.pump(untilEndOf: stream)
      }
      #expect(peer.pump(untilEndOf: peer.request("nobody.p.test")).isEnded)
      let last = peer.request("nobody.p.test", method: "POST", hasBody: true)
      peer.append(last, [UInt8](repeating: 0x62, count: 200_000))
      peer.end(last)
      #expect(peer.pump { $0.seen[last.id]!.stream.outgoing.isEmpty }, "the window is used up")
    }
  }

  // MARK: Time

  @Test func aSilentSandboxIsLetGo() throws {
    for upstream in [UpstreamProtocol.http1, .h2c, .https] {
      try with(upstream, { ($0.responseHeadMs, $0.dialMs) = (100, 100) }, origin: GivenBackTests.silent) { edge, host in
        let client = try TLSSocket(edge, host: host)
        client.get("/", "Connection: close\r\n")
        #expect(client.receiveAll().hasPrefix("HTTP/1.1 504"), "\(upstream)")
      }
    }
  }

  // MARK: Draining

  @Test func aDrainEndsWhateverIsOpen() throws {
    for act in 0..<6 {
      let script = act >= 4 ? GivenBackTests.upgrading : act == 1 ? answering(GivenBackTests.ok) : GivenBackTests.silent
      try with(.http1, { $0.drainMs = 200 }, origin: script) { edge, host in
        let isHTTP2 = act == 2 || act == 3
        let client = try TLSSocket(edge, host: host, alpn: isHTTP2 ? .http2 : .http1)
        let peer = isHTTP2 ? HTTP2Peer(.client, client) : nil
        switch act {
        case 1: client.get(); #expect(client.receive(through: "hello") != nil)
        case 2: peer!.flush()
        case 3: peer!.request(host); peer!.flush(); #expect(eventually { edge.value(.upstreamBytesSent) > 0 })
        case 4, 5: client.get("/ws", GivenBackTests.webSocket); #expect(client.receive(through: "hi") != nil)
        default: client.get(); #expect(eventually { edge.value(.upstreamBytesSent) > 0 })
        }
        let isDrained = Flag()
        edge.perform { $0.drain { isDrained.set() } }
        if act == 5 { client.close() }
        #expect(eventually { isDrained.isSet }, "act \(act)")
        if act == 4 { #expect(client.receiveAll().contains("limit/draining")) }
      }
    }
  }
}

/// Clients that say nothing more. Apart from the others, because each stage may take two seconds of lingering.
@Suite struct SilenceTests {
  enum Stage: String, CaseIterable {
    case nothing, halfAHead, halfABody, halfAChunk, awaiting
    case http2Nothing, http2HalfAHead, http2HalfABody, http2Awaiting, http2HalfATrailer

    func act(_ client: TLSSocket, _ peer: HTTP2Peer?, _ host: String) {
      switch self {
      case .nothing: break
      case .halfAHead: client.send("GET / HTTP/1.1\r\nHost: \(host)")
      case .halfABody:
        client.post("Content-Length: 10")
        client.send("hello")
      case .halfAChunk:
        client.post("Transfer-Encoding: chunked")
        client.send("9\r\nhello")
      case .awaiting: client.get()
      case .http2Nothing: peer?.flush()
      case .http2Awaiting:
        peer?.request(host)
        peer?.flush()
      case .http2HalfABody:
        // Announced: without a length the stream may be a conversation, and silence is part of that.
        peer?.request(host, method: "POST", [("content-length", "10")], hasBody: true)
        peer?.flush()
      case .http2HalfAHead:
        peer?.flush()
        // HEADERS without END_HEADERS.
        client.send([0, 0, 3, 1, 1, 0, 0, 0, 1, 0x82, 0x84, 0x87])
      case .http2HalfATrailer:
        peer?.request(host, method: "POST", hasBody: true)
        peer?.flush()
        client.send([0, 0, 3, 1, 1, 0, 0, 0, 1, 0, 1, 0x61])
      }
    }
  }

  @Test(arguments: Stage.allCases)
  func aSilentClientIsLetGo(stage: Stage) throws {
    let origin = Origin(GivenBackTests.silent)
    let edge = try Edge {
      $0.handshakeMs = 100
      $0.requestHeadMs = 100
      $0.requestBodyIdleMs = 100
      $0.keepAliveIdleMs = 100
      $0.responseHeadMs = 100
      $0.streamIdleMs = 100
    }
    defer { edge.stop() }
    let isHTTP2 = stage.rawValue.hasPrefix("http2")
    let client = try TLSSocket(edge, host: origin.host, alpn: isHTTP2 ? .http2 : .http1)
    let peer = isHTTP2 ? HTTP2Peer(.client, client) : nil
    stage.act(client, peer, origin.host)
    #expect(eventually { edge.value(.openHTTPS) == 0 && edge.value(.acceptedHTTPS) == 1 })
    origin.stop()
    #expect(edge.leftovers() == [])
  }
}

/// Raised once, seen by all threads.
final class Flag: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)
  var isSet: Bool {
    guard semaphore.wait(timeout: .now()) == .success else { return false }
    semaphore.signal()
    return true
  }
  func set() { semaphore.signal() }
  func wait() {
    semaphore.wait()
    semaphore.signal()
  }
}
