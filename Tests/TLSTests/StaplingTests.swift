import COpenSSL
import Testing

@testable import TLS

@Suite(.serialized) struct StaplingTests {
  static let stapled: LoadedCertificate = {
    _ = Fixture.authority
    Fixture.issue("stapled", names: ["site.test"])
    Fixture.makeOCSPResponse("stapled")
    return Fixture.load("stapled", ocsp: "stapled.ocsp")
  }()

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func theResponseIsStapledWhenAsked(version: TLSVersion) throws {
    let talk = try Conversation(.testing([Fixture.elsewhere, StaplingTests.stapled])) {
      ClientTweak.limit($0, to: version)
      ClientTweak.askForStaple($0)
    }.run()
    #expect(talk.isOpen)
    #expect(ClientTweak.staple(talk.client.session.ssl) == Fixture.bytes("stapled.ocsp"))
  }

  @Test func nothingIsStapledUnasked() throws {
    let talk = try Conversation(.testing([StaplingTests.stapled])).run()
    #expect(talk.isOpen && ClientTweak.staple(talk.client.session.ssl) == nil)
  }

  @Test func aCertificateWithoutAResponseIsServedWithoutOne() throws {
    let talk = try Conversation { ClientTweak.askForStaple($0) }.run()
    #expect(talk.isOpen && ClientTweak.staple(talk.client.session.ssl) == nil)
  }

  @Test func anOutdatedResponseIsWarnedAboutAndNotStapled() throws {
    let staple = try #require(StaplingTests.stapled.ocsp)
    let end = try #require(staple.nextUpdate)
    #expect(staple.isCurrent(at: end - 1) && !staple.isCurrent(at: end))
    let chain = try CertificateChain(pem: Fixture.bytes("stapled.pem"), path: "stapled.pem")
    #expect(CertificateFiles.warnings(for: chain, staple, at: end - 1) == [])
    #expect(CertificateFiles.warnings(for: chain, staple, at: end) == [.ocspOutdated])
  }

  @Test func aRevokedCertificateIsWarnedAbout() {
    _ = Fixture.authority
    Fixture.issue("revoked", names: ["site.test"])
    Fixture.makeOCSPResponse("revoked", status: "R")
    #expect(Fixture.load("revoked", ocsp: "revoked.ocsp").warnings.contains(.ocspNotGood))
  }

  @Test func aResponseAboutAnotherCertificateIsRefused() {
    _ = StaplingTests.stapled
    Fixture.issue("renewed", names: ["site.test"], serial: 78)
    let error = #expect(throws: TLSError.self) {
      try CertificateFiles.load(
        certificate: Fixture.path("renewed.pem"), key: Fixture.path("renewed.key"), ocsp: Fixture.path("stapled.ocsp"))
    }
    #expect(error?.problem.contains("another certificate") == true)
  }

  @Test func whatIsNoResponseIsRefused() {
    _ = Fixture.site
    let error = #expect(throws: TLSError.self) {
      try CertificateFiles.load(
        certificate: Fixture.path("site.pem"), key: Fixture.path("site.key"), ocsp: Fixture.path("site.pem"))
    }
    #expect(error?.problem.contains("not a DER OCSP response") == true)
  }
}
