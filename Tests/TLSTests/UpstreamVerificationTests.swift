import Testing

@testable import TLS

@Suite struct UpstreamVerificationTests {
  private func talk(_ verification: TLSClientSettings.Verification, _ name: String) throws -> Conversation {
    try Conversation(
      TLSContext(.testing()), TLSClientContext(TLSClientSettings(verification: verification)), name: name
    ).run()
  }

  @Test(arguments: ["site.test", "a.site.test", "A.SITE.test", "127.0.0.1"])
  func theRightNameIsAccepted(name: String) throws {
    #expect(try talk(.roots(Fixture.authority), name).isOpen)
  }

  @Test(arguments: ["other.test", "a.b.site.test", "127.0.0.2", "::1"])
  func aWrongNameIsNot(name: String) throws {
    let talk = try talk(.roots(Fixture.authority), name)
    guard case .untrustedPeer = talk.client.failure else {
      Issue.record("\(String(describing: talk.client.state))")
      return
    }
    #expect(talk.server.failure != nil, "the alert reaches the server")
  }

  @Test func anUnknownAuthorityIsNot() throws {
    for verification in [TLSClientSettings.Verification.roots(Fixture.otherAuthority), .system] {
      let talk = try talk(verification, "site.test")
      guard case .untrustedPeer = talk.client.failure else {
        Issue.record("\(talk.client.state)")
        continue
      }
    }
  }

  @Test func insecureAcceptsAnybodyAndStillNamesTheHost() throws {
    let talk = try talk(.insecure, "other.test")
    #expect(talk.isOpen && talk.server.serverName == "other.test")
  }

  @Test func offersGoOutInOrder() throws {
    let client = try TLSClientContext(TLSClientSettings(verification: .roots(Fixture.authority), alpn: [.http1]))
    let talk = try Conversation(TLSContext(.testing()), client).run()
    #expect(talk.client.session.negotiated == .http1)
  }

  @Test func aPlainUpstreamIsToldApart() throws {
    let talk = try Conversation()
    _ = talk.client.step(feeding: 0)
    talk.client.inbox = Array("HTTP/1.1 400 Bad Request\r\n".utf8)
    _ = talk.client.step(feeding: .max)
    #expect(talk.client.state == .failed(.plainHTTP))
  }

  /// Services inside a sandbox have no name that anybody could ask for.
  @Test func withoutAVerificationANameIsNotNeeded() throws {
    let talk = try Conversation(
      TLSContext(.testing()), TLSClientContext(TLSClientSettings(verification: .insecure)), name: ""
    ).run()
    #expect(talk.isOpen && talk.server.serverName == "")
    let verifying = try TLSClientContext(TLSClientSettings(verification: .roots(Fixture.authority)))
    #expect(TLSSession(client: verifying, serverName: "", output: TLSOutput()) == nil)
  }

  @Test(arguments: [String(repeating: "a", count: 256), "a\0b"])
  func impossibleNamesMakeNoSession(name: String) throws {
    let client = try TLSClientContext(TLSClientSettings(verification: .insecure))
    #expect(TLSSession(client: client, serverName: name, output: TLSOutput()) == nil)
  }
}
