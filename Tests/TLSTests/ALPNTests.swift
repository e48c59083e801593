import Testing

@testable import TLS

@Suite struct ALPNTests {
  @Test(arguments: [
    (["h2", "http/1.1"], true, ALPN.http2, "both offered: h2"),
    (["http/1.1", "h2"], true, .http2, "our order, not the client's"),
    (["http/1.1"], true, .http1, "only http/1.1"),
    (["h2", "http/1.1"], false, .http1, "listener without HTTP/2"),
    (["spdy/3", "http/1.1", "h3"], true, .http1, "unknown names are skipped"),
    (["http/1.0"], true, .http1, "what curl --http1.0 offers"),
    (["http/1.0", "http/1.1"], true, .http1, "the newer of the two"),
    ([], true, ALPN.none, "no ALPN at all"),
  ])
  func theServerChooses(offer: [String], offersHTTP2: Bool, expected: ALPN, why: String) throws {
    let client = try TLSClientContext(TLSClientSettings(verification: .roots(Fixture.authority), alpn: []))
    let talk = try Conversation(TLSContext(.testing { $0.offersHTTP2 = offersHTTP2 }), client) {
      if !offer.isEmpty { ClientTweak.offer($0, offer) }
    }.run()
    #expect(talk.isOpen, Comment(rawValue: why))
    #expect(
      talk.server.session.negotiated == expected && talk.client.session.negotiated == expected, Comment(rawValue: why))
  }

  // RFC 7301 §3.2: "the server SHALL respond with a fatal no_application_protocol alert".
  @Test(arguments: [(["h3"], true), (["h2"], false), (["http/0.9", "H2", "http/1.11"], true)])
  func nothingInCommonIsFatal(offer: [String], offersHTTP2: Bool) throws {
    let talk = try Conversation(.testing { $0.offersHTTP2 = offersHTTP2 }) { ClientTweak.offer($0, offer) }.run()
    #expect(talk.server.failure == .noCommonProtocol)
    #expect(talk.client.failure == .peerAlert(120))
  }
}
