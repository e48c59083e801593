import Auth
import Bytes
import Foundation
import Router
import Sandbox
import Telemetry
import Testing

@testable import ProxyEngine

/// Requests to sandboxes that do not run, and changes under requests that do.
@Suite struct ParkingTests {
  private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

  private func with(
    _ state: SandboxState, wake: Bool = true, auth: ExposureAuth = .none,
    _ change: (inout EngineSettings) -> Void = { _ in },
    origin script: @escaping @Sendable (PlainSocket) -> Void = answering(ParkingTests.ok),
    _ body: (GuardedEdge, Origin) throws -> Void
  ) throws {
    let origin = Origin(script)
    let exposure = Exposure(port: origin.port, auth: auth, wake: wake, nonce: 99)
    let guarded = try GuardedEdge([exposure], state: state, change)
    defer { guarded.stop() }
    do { try body(guarded, origin) } catch { Issue.record("\(error)") }
    origin.stop()
    #expect(guarded.edge.leftovers() == [])
    #expect(guarded.edge.value(.requestsParked) == 0)
  }

  private func parked(_ guarded: GuardedEdge, _ count: UInt64) -> Bool {
    eventually { guarded.edge.value(.requestsParked) == count }
  }

  @Test(arguments: [SandboxState.paused, .hibernated, .pausing, .hibernating])
  func aRequestWakesASleeperOnceAndIsAnsweredByIt(state: SandboxState) throws {
    try with(state) { guarded, origin in
      let clients = try (0..<20).map { _ in try TLSSocket(guarded.edge, host: origin.host) }
      for client in clients { client.get() }
      #expect(parked(guarded, 20))
      #expect(guarded.wakes() == 1)
      guarded.change { $0.state = .resuming }
      #expect(guarded.edge.value(.requestsParked) == 20)
      guarded.resume()
      for client in clients { #expect(client.receive(through: "hello")?.hasPrefix("HTTP/1.1 200") == true) }
    }
  }

  @Test func aBodyIsNotLostWhileItsRequestWaits() throws {
    let script: @Sendable (PlainSocket) -> Void = { socket in
      guard socket.receive(through: "\r\n\r\n") != nil else { return }
      _ = socket.receive(through: "the end")
      socket.send(ParkingTests.ok)
    }
    try with(.paused, origin: script) { guarded, origin in
      let client = try TLSSocket(guarded.edge, host: origin.host)
      let body = String(repeating: "x", count: 300_000) + "the end"
      client.post("Content-Length: \(body.utf8.count)")
      #expect(parked(guarded, 1))
      // More than waits without an upstream: the rest follows once there is one.
      client.send(String(body.prefix(50_000)))
      guarded.resume()
      client.send(String(body.dropFirst(50_000)))
      #expect(client.receive(through: "hello")?.hasPrefix("HTTP/1.1 200") == true)
    }
  }

  @Test func aWebSocketWaitsLikeAnyRequest() throws {
    let script: @Sendable (PlainSocket) -> Void = { socket in
      guard socket.receive(through: "\r\n\r\n") != nil else { return }
      socket.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
      while let bytes = socket.receive(), socket.send(bytes) {}
    }
    try with(.paused, origin: script) { guarded, origin in
      let client = try TLSSocket(guarded.edge, host: origin.host)
      client.get(
        "/",
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
      )
      #expect(parked(guarded, 1))
      guarded.resume()
      #expect(client.receive(through: "\r\n\r\n")?.hasPrefix("HTTP/1.1 101") == true)
      // A text frame under a mask of zeros (RFC 6455 §5.2), which comes back as it is.
      client.send([0x81, 0x84, 0, 0, 0, 0] + Array("ping".utf8))
      #expect(client.receive(through: "ping")?.hasSuffix("ping") == true)
      // Pausing ends what runs, at once and with a word.
      guarded.change { $0.state = .pausing }
      #expect(client.receiveAll().contains("lifecycle/paused"))
    }
  }

  @Test func whoMayNotWakeIsToldThatItSleeps() throws {
    try with(.paused, wake: false) { guarded, origin in
      let client = try TLSSocket(guarded.edge, host: origin.host)
      client.get()
      let head = client.receive(through: "\r\n\r\n") ?? ""
      #expect(head.hasPrefix("HTTP/1.1 503") && head.contains("lifecycle/paused") && head.contains("Retry-After:"))
      #expect(head.contains("Porthole-Forwarded: no"))
      #expect(guarded.wakes() == 0)
    }
  }

  @Test func aWakeNeedsACredentialFirst() throws {
    try with(.paused, auth: .token) { guarded, origin in
      let stranger = try TLSSocket(guarded.edge, host: origin.host)
      stranger.get()
      #expect(stranger.receive(through: "\r\n\r\n")?.hasPrefix("HTTP/1.1 401") == true)
      #expect(guarded.wakes() == 0)
      let friend = try TLSSocket(guarded.edge, host: origin.host)
      friend.get("/", "X-Porthole-Token: \(guarded.token)\r\n")
      #expect(parked(guarded, 1) && guarded.wakes() == 1)
      // The token was rotated while it waits.
      guarded.change { $0.credential?.epoch = 8 }
      #expect(friend.receive(through: "\r\n\r\n")?.hasPrefix("HTTP/1.1 401") == true)
    }
  }

  @Test func waitingEndsWithTheBudget() throws {
    try with(.creating, { $0.parkMs = 50 }) { guarded, origin in
      let client = try TLSSocket(guarded.edge, host: origin.host)
      client.get()
      let head = client.receive(through: "\r\n\r\n") ?? ""
      #expect(head.hasPrefix("HTTP/1.1 503") && head.contains("lifecycle/starting") && head.contains("Retry-After:"))
      #expect(head.contains("Porthole-Forwarded: no") && guarded.wakes() == 0)
    }
  }

  @Test func waitingRequestsAreBounded() throws {
    try with(.resuming, { $0.parkedPerSandboxMax = 2 }) { guarded, origin in
      let clients = try (0..<3).map { _ in try TLSSocket(guarded.edge, host: origin.host) }
      clients[0].get()
      clients[1].get()
      #expect(parked(guarded, 2))
      clients[2].get()
      #expect(clients[2].receive(through: "\r\n\r\n")?.contains("limit/overloaded") == true)
      clients[0].reset()
      #expect(parked(guarded, 1))
    }
  }

  @Test(arguments: [
    (SandboxState.terminated, "410"), (.failed, "502"), (.terminating, "410"),
  ])
  func whoWaitsIsToldWhenItWillNotCome(state: SandboxState, status: String) throws {
    try with(.resuming) { guarded, origin in
      let client = try TLSSocket(guarded.edge, host: origin.host)
      client.get()
      #expect(parked(guarded, 1))
      guarded.change { $0.state = state }
      #expect(client.receive(through: "\r\n\r\n")?.hasPrefix("HTTP/1.1 \(status)") == true)
    }
  }

  // MARK: Changes under what runs

  /// Answers with a head and leaves the body open.
  private static let openEnded: @Sendable (PlainSocket) -> Void = { socket in
    guard socket.receive(through: "\r\n\r\n") != nil else { return }
    socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    while socket.receive() != nil {}
  }

  private func streamIsCut(
    auth: ExposureAuth = .none, _ fields: (GuardedEdge, Origin) -> String, _ change: (inout SandboxRecord) -> Void
  ) throws {
    try with(.running, auth: auth, origin: ParkingTests.openEnded) { guarded, origin in
      let client = try TLSSocket(guarded.edge, host: origin.host)
      client.get("/", fields(guarded, origin))
      #expect(client.receive(through: "hello") != nil)
      guarded.change(change)
      #expect(!client.receiveAll().contains("\r\n0\r\n"))
      #expect(guarded.edge.value(.exchangesCut) == 1)
    }
  }

  @Test func closingAPortEndsItsStreams() throws {
    try streamIsCut({ _, _ in "" }) { $0.exposures = [] }
  }

  @Test(arguments: [SandboxState.pausing, .paused, .hibernating, .terminating, .terminated, .failed])
  func stoppingASandboxEndsItsStreams(state: SandboxState) throws {
    try streamIsCut({ _, _ in "" }) { $0.state = state }
  }

  @Test func rotatingATokenEndsWhatItOpened() throws {
    try streamIsCut(auth: .token, { guarded, _ in "X-Porthole-Token: \(guarded.token)\r\n" }) {
      $0.credential?.epoch = 8
    }
    try streamIsCut(
      auth: .token,
      { guarded, origin in "Cookie: __Host-porthole=\(guarded.cookie(port: origin.port, nonce: 99))\r\n" }
    ) { $0.credential?.epoch = 8 }
  }

  @Test func makingAPortPrivateEndsWhatCameInWithoutACredential() throws {
    try streamIsCut({ _, _ in "" }) { $0.exposures[0].auth = .token }
  }

  @Test func narrowingTheAddressesEndsWhatIsOutside() throws {
    try streamIsCut({ _, _ in "" }) { $0.exposures[0].allowIPs = [CIDR("10.0.0.0/8")!] }
  }

  @Test func revokingALinkEndsWhatItOpenedAndNothingElse() throws {
    try with(.running, auth: .token, origin: ParkingTests.openEnded) { guarded, origin in
      guarded.change {
        $0.exposures[0].links = [ShareLink(id: 1, expiresAtMs: .max / 2), ShareLink(id: 2, expiresAtMs: .max / 2)]
      }
      let clients = try (1...2).map { link in
        let client = try TLSSocket(guarded.edge, host: origin.host)
        client.get(
          "/", "Cookie: __Host-porthole=\(guarded.cookie(port: origin.port, nonce: 99, link: UInt64(link)))\r\n")
        #expect(client.receive(through: "hello") != nil)
        return client
      }
      guarded.change { $0.exposures[0].links.removeFirst() }
      _ = clients[0].receiveAll()
      #expect(guarded.edge.value(.exchangesCut) == 1)
      #expect(guarded.edge.value(.requestsInFlight) == 1)
    }
  }

  @Test func otherChangesLeaveStreamsAlone() throws {
    try with(.running, auth: .token, origin: ParkingTests.openEnded) { guarded, origin in
      let client = try TLSSocket(guarded.edge, host: origin.host)
      client.get("/", "X-Porthole-Token: \(guarded.token)\r\n")
      #expect(client.receive(through: "hello") != nil)
      guarded.change { $0.exposures.append(Exposure(port: 2000, upstream: .h2c)) }
      guarded.change { $0.exposures[0].embedOrigins = ["https://a.test"] }
      guarded.change { $0.exposures[0].links = [ShareLink(id: 1, expiresAtMs: 5)] }
      #expect(guarded.edge.value(.exchangesCut) == 0)
      // Connections are pooled on, too: it is the same generation.
      #expect(guarded.edge.value(.upstreamConnectionsOpen) == 1)
    }
  }

  @Test func anotherGenerationIsAnotherSandbox() throws {
    try with(.running) { guarded, origin in
      let client = try TLSSocket(guarded.edge, host: origin.host)
      client.get()
      #expect(client.receive(through: "hello") != nil)
      #expect(eventually { guarded.edge.value(.upstreamConnectionsIdle) == 1 })
      guarded.resume()
      #expect(eventually { guarded.edge.value(.upstreamConnectionsOpen) == 0 })
      client.get()
      #expect(client.receive(through: "hello") != nil)
      #expect(guarded.edge.value(.upstreamDials) == 2)
    }
  }

  @Test func trafficIsReportedUnlessTheExposureSaysThatItIsNone() throws {
    try with(.running) { guarded, origin in
      func isReported() -> Bool {
        guarded.reports.contains { if case .activity(let ids) = $0 { ids.map(\.text) == ["a"] } else { false } }
      }
      guarded.change { $0.exposures[0].keepAlive = false }
      let client = try TLSSocket(guarded.edge, host: origin.host)
      client.get()
      #expect(client.receive(through: "hello") != nil)
      guarded.edge.perform { $0.reportTraffic() }
      #expect(!isReported())
      guarded.change { $0.exposures[0].keepAlive = true }
      client.get()
      #expect(client.receive(through: "hello") != nil)
      guarded.edge.perform { $0.reportTraffic() }
      #expect(isReported())
    }
  }
}
