import COpenSSL
import Testing

@testable import TLS

@Suite struct ServerNameTests {
  @Test(arguments: [
    ("site.test", "CN=site,", "exact name of the first"),
    ("a.site.test", "CN=site,", "wildcard"),
    ("exact.site.test", "CN=exact,", "exact beats wildcard"),
    ("EXACT.Site.Test", "CN=exact,", "case does not matter"),
    ("a.elsewhere.test", "CN=elsewhere,", "second wildcard"),
    ("elsewhere.test", "CN=site,", "a wildcard does not cover its own base"),
    ("a.b.elsewhere.test", "CN=site,", "a wildcard is one label"),
    ("unknown.example", "CN=site,", "unknown: the default"),
    ("127.0.0.1", "CN=site,", "an address is not sent: the default"),
  ])
  func selectsTheCertificate(name: String, expected: String, why: String) throws {
    let client = try TLSClientContext(TLSClientSettings(verification: .insecure))
    let talk = try Conversation(
      TLSContext(.testing([Fixture.site, Fixture.exact, Fixture.elsewhere])), client, name: name
    ).run()
    #expect(talk.isOpen)
    #expect((ClientTweak.peerName(talk.client.session.ssl) + ",").contains(expected), Comment(rawValue: why))
    #expect(talk.server.serverName == (name.first!.isNumber ? "" : name.lowercased()))
  }

  // RFC 8446 §4.1.4: the ClientHello comes twice, and so does our question about names.
  @Test func aHelloRetryRequestKeepsTheSelection() throws {
    let client = try TLSClientContext(TLSClientSettings(verification: .insecure))
    let talk = try Conversation(TLSContext(.testing([Fixture.site, Fixture.exact])), client, name: "exact.site.test") {
      ssl in
      // The first group's key share is one that the server does not take.
      "P-521:P-256".withCString { _ = SSL_ctrl(ssl, SSL_CTRL_SET_GROUPS_LIST, 0, .init(mutating: $0)) }
    }.run()
    #expect(talk.isOpen && talk.server.serverName == "exact.site.test")
    #expect(ClientTweak.peerName(talk.client.session.ssl).contains("CN=exact"))
  }

  @Test(arguments: [("ECDSA+SHA256", "CN=site,"), ("RSA-PSS+SHA256", "CN=site-rsa,")])
  func keyKindsForOneNameAreChosenByWhatTheClientVerifies(algorithms: String, expected: String) throws {
    let client = try TLSClientContext(TLSClientSettings(verification: .insecure))
    let talk = try Conversation(TLSContext(.testing([Fixture.site, Fixture.siteRSA])), client, name: "x.site.test") {
      ssl in
      algorithms.withCString { _ = SSL_ctrl(ssl, SSL_CTRL_SET_SIGALGS_LIST, 0, .init(mutating: $0)) }
    }.run()
    #expect(talk.isOpen)
    #expect((ClientTweak.peerName(talk.client.session.ssl) + ",").contains(expected))
  }

  @Test(
    arguments: [
      ([0, 7, 0, 0, 4] + Array("a.bc".utf8), "a.bc"),
      ([0, 8, 0, 0, 5] + Array("a.bc.".utf8), "a.bc"),
      ([0, 8, 0, 0, 4] + Array("a.bc".utf8), nil),
      ([0, 7, 1, 0, 4] + Array("a.bc".utf8), nil),
      ([0, 7, 0, 0, 5] + Array("a.bc".utf8), nil),
      ([0, 3, 0, 0, 0], nil),
      ([], nil),
    ] as [([UInt8], String?)])
  func onlyOneWellFormedNameIsRead(bytes: [UInt8], expected: String?) {
    let found = bytes.withUnsafeBufferPointer { ServerName.parse($0).map { String(decoding: $0, as: UTF8.self) } }
    #expect(found == expected)
  }
}

@Suite struct CertificateNamesTests {
  private func group(_ names: CertificateNames, _ name: String) -> [Int] {
    names.groups[Array(name.utf8).withUnsafeBufferPointer { names.group(for: $0) }]
  }

  @Test func theFirstOfAKindWinsAndKindsAreServedTogether() {
    let names = CertificateNames([
      .init(names: ["a.test", "b.test"], keyKind: 1), .init(names: ["a.test"], keyKind: 2),
      .init(names: ["a.test", "c.test"], keyKind: 1),
    ])
    #expect(names.groups[0] == [0, 1])
    #expect(group(names, "a.test") == [0, 1])
    #expect(group(names, "b.test") == [0])
    #expect(group(names, "c.test") == [2])
    #expect(group(names, "d.test") == [0, 1])
  }

  @Test func aFirstCertificateWithoutNamesIsTheDefault() {
    let names = CertificateNames([.init(names: [], keyKind: 1), .init(names: ["a.test"], keyKind: 1)])
    #expect(group(names, "x.test") == [0])
    #expect(group(names, "a.test") == [1])
    #expect(group(names, "") == [0])
    #expect(group(names, ".test") == [0])
  }
}
