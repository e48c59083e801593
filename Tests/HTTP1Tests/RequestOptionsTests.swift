import HTTP
import HTTP1
import Testing

/// `Connection`, `Upgrade` and `Expect`.
@Suite struct RequestOptionsTests {
  static func head(_ lines: String, method: String = "GET", version: String = "1.1") -> Answer<Request> {
    request("\(method) / HTTP/\(version)\r\nHost: h\r\n\(lines)\r\n\r\n")
  }

  @Test(arguments: [
    Sample("X: y", [true, false], "HTTP/1.1 persists by default, HTTP/1.0 does not"),
    Sample("Connection: close", [false, false]),
    Sample("Connection: CLOSE", [false, false]),
    Sample("Connection: keep-alive", [true, true]),
    Sample("Connection: Keep-Alive", [true, true]),
    Sample("Connection: keep-alive, close", [false, false], "close wins"),
    Sample("Connection: close\r\nConnection: keep-alive", [false, false], "close wins"),
    Sample("Connection: keep-alive\r\nConnection: close", [false, false], "close wins"),
    Sample("Connection: , ,\tclose ,", [false, false], "empty elements are skipped"),
    Sample("Connection: closed", [true, false], "another word"),
    Sample("Connection:", [true, false]),
    Sample("Proxy-Connection: close", [true, false], "was never in any RFC"),
    Sample("Proxy-Connection: keep-alive", [true, false], "was never in any RFC"),
  ])
  func connectionDecidesPersistence(_ sample: Sample<[Bool]>) {
    let lines = String(decoding: sample.input, as: UTF8.self)
    #expect(Self.head(lines).head?.keepAlive == sample.expected[0])
    #expect(Self.head(lines, version: "1.0").head?.keepAlive == sample.expected[1])
  }

  @Test func fieldsThatConnectionNamesAreDropped() {
    let fields = Self.head("X-Hop: 1\r\nX-Other: 2\r\nConnection: close, x-HOP\r\nx-hop: 3").head?.fields ?? []
    #expect(fields.map(\.isDropped) == [false, true, false, false, true])
    let kept = Self.head("Close: 1\r\nX-Hop: 1\r\nConnection: close").head?.fields ?? []
    #expect(kept.map(\.isDropped) == [false, false, false, false])
  }

  @Test func connectionCannotRemoveWhatFramesOrRoutes() {
    let head = Self.head("Content-Length: 5\r\nConnection: host, content-length, cookie, authorization\r\nCookie: a=b")
      .head
    #expect(head?.fields.contains { $0.isDropped } == false)
    #expect(head?.body == .length(5))
    #expect(head?.authority == "h")
  }

  @Test(arguments: [
    Sample("Connection: upgrade\r\nUpgrade: websocket", UpgradeKind.webSocket),
    Sample("Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade", .webSocket, "Firefox"),
    Sample("Connection: upgrade\r\nUpgrade: tls/1.2", .other),
    Sample("Connection: upgrade\r\nUpgrade: websocket, x", .other, "a choice"),
    Sample("Connection: upgrade\r\nUpgrade: websocket/13", .other, "a version"),
    Sample("Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket", .other, "repeated"),
    Sample("Connection: upgrade\r\nUpgrade:", .none, "empty"),
    Sample("Connection: upgrade", .none, "nothing to upgrade to"),
    Sample("Upgrade: websocket", .none, "not a connection option"),
    Sample("Connection: close\r\nUpgrade: websocket", .none, "not a connection option"),
    Sample("Connection: upgrade\r\nUpgrade: h2c", .none, "h2c smuggling"),
    Sample(
      "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: H2C\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", .none,
      "h2c smuggling"),
    Sample("Connection: upgrade\r\nUpgrade: websocket, h2c", .none, "h2c among others"),
    Sample("Connection: upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket", .none, "h2c among others"),
    Sample("Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c", .none, "h2c among others"),
    Sample("Connection: upgrade\r\nUpgrade: HTTP/2.0", .none, "another HTTP"),
  ])
  func upgradeTakesFieldAndOption(_ sample: Sample<UpgradeKind>) {
    let lines = String(decoding: sample.input, as: UTF8.self)
    #expect(Self.head(lines).head?.upgrade == sample.expected)
    #expect(Self.head(lines, version: "1.0").head?.upgrade == UpgradeKind.none, "RFC 9110 7.8")
  }

  @Test func aWebSocketBeginsWithGet() {
    #expect(Self.head("Connection: upgrade\r\nUpgrade: websocket", method: "POST").head?.upgrade == .other)
  }

  @Test func expectationsAre100ContinueOrRefused() {
    #expect(Self.head("X: y").head?.expectsContinue == false)
    #expect(Self.head("Expect: 100-continue").head?.expectsContinue == true)
    #expect(Self.head("Expect: 100-Continue").head?.expectsContinue == true)
    for other in ["", "100", "200-ok", "100-continue, 100-continue", "100-continue\r\nExpect: x"] {
      #expect(Self.head("Expect: \(other)").error == .expectationFailed)
      #expect(Self.head("Expect: \(other)", version: "1.0").head?.expectsContinue == false, "ignored in HTTP/1.0")
    }
    #expect(Self.head("Expect: 100-continue", version: "1.0").head?.expectsContinue == false)
  }
}
