import Foundation
import Testing

@testable import TLS

@Suite(.serialized) struct CertificateFilesTests {
  private func failure(_ certificate: String, _ key: String) -> String {
    do {
      _ = try CertificateFiles.load(certificate: Fixture.path(certificate), key: Fixture.path(key))
      return "no error"
    } catch { return "\(error)" }
  }

  @Test func aGoodPairIsLoadedWithItsNames() {
    let site = Fixture.site
    #expect(site.names == ["site.test", "*.site.test"])
    #expect(site.warnings.isEmpty)
    #expect(abs(site.notAfter - site.notBefore - 30 * 86400) < 5)
  }

  @Test func errorsNameTheFileAndTheRemedy() {
    _ = (Fixture.site, Fixture.exact)
    Fixture.write("hello\n", "text.pem")
    Fixture.openssl("pkey", "-in", "site.key", "-aes256", "-passout", "pass:secret", "-out", "locked.key")
    Fixture.openssl("x509", "-in", "site.pem", "-outform", "der", "-out", "site.der")
    let chain = String(decoding: Fixture.bytes("site.pem"), as: UTF8.self)
    Fixture.write(chain + chain.replacingOccurrences(of: "MII", with: "MIX"), "damaged.pem")
    Fixture.write("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "broken.key")
    Fixture.write(String(decoding: Fixture.bytes("ca.pem"), as: UTF8.self) + chain, "reversed.pem")
    for (certificate, key, parts) in [
      ("absent.pem", "site.key", ["absent.pem: the certificate cannot be read: No such file", "porthole certs dev"]),
      ("site.pem", "absent.key", ["absent.key: the private key cannot be read: No such file"]),
      ("site.pem", "exact.key", ["exact.key: the private key does not belong to the certificate in", "site.pem"]),
      ("reversed.pem", "site.key", ["put the server's own certificate first"]),
      ("text.pem", "site.key", ["text.pem: there is no PEM certificate in the file"]),
      ("site.der", "site.key", ["openssl x509 -inform der"]),
      ("site.key", "site.key", ["no PEM certificate"]),
      ("damaged.pem", "site.key", ["certificate 2 in the file is damaged"]),
      ("site.pem", "site.pem", ["no PEM private key in the file"]),
      ("site.pem", "text.pem", ["no PEM private key in the file"]),
      ("site.pem", "broken.key", ["broken.key: the private key cannot be used"]),
      ("site.pem", "locked.key", ["protected by a passphrase", "openssl pkey -in"]),
      (".", "site.key", ["is a directory"]),
    ] {
      let message = failure(certificate, key)
      for part in parts { #expect(message.contains(part), "\(message)") }
    }
  }

  @Test func oddButServableCertificatesAreWarnedAbout() throws {
    _ = (Fixture.site, Fixture.exact)
    Fixture.issue("expired", names: ["site.test"], days: -1)
    Fixture.issue("nameless", names: [])
    #expect(Fixture.load("expired").warnings == [.expired(daysAgo: 1)])
    #expect(Fixture.load("nameless").warnings == [.coversNoName])
    #expect("\(CertificateWarning.expired(daysAgo: 1))" == "the certificate expired 1 day ago; renew it")
    let site = String(decoding: Fixture.bytes("site.pem"), as: UTF8.self)
    Fixture.write(site + String(decoding: Fixture.bytes("exact.pem"), as: UTF8.self), "unordered.pem")
    let unordered = try CertificateFiles.load(certificate: Fixture.path("unordered.pem"), key: Fixture.path("site.key"))
    #expect(unordered.warnings == [.chainOutOfOrder])
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: Fixture.path("nameless.key"))
    #expect(Fixture.load("nameless").warnings == [.coversNoName, .keyWorldReadable])
  }

  @Test func expiryIsCountedInDaysAndWarnedAboutTwoWeeksAhead() throws {
    _ = Fixture.site
    let chain = try CertificateChain(pem: Fixture.bytes("site.pem"), path: "site.pem")
    let day = 86400
    for (moment, expected) in [
      (chain.notBefore - 1, [CertificateWarning.notYetValid]),
      (chain.notBefore, []),
      (chain.notAfter - 14 * day, []),
      (chain.notAfter - 14 * day + 1, [.expiresSoon(daysLeft: 13)]),
      (chain.notAfter - 1, [.expiresSoon(daysLeft: 0)]),
      (chain.notAfter, [.expired(daysAgo: 0)]),
      (chain.notAfter + 3 * day, [.expired(daysAgo: 3)]),
    ] {
      #expect(CertificateFiles.warnings(for: chain, nil, at: moment) == expected)
    }
  }

  @Test func anExpiredCertificateIsStillServedAndClientsJudge() throws {
    _ = Fixture.authority
    Fixture.issue("late", names: ["site.test"], days: -1)
    let talk = try Conversation(.testing([Fixture.load("late")])).run()
    #expect(talk.client.failure == .untrustedPeer(verifyResult: 10))
  }

  @Test func aChainIsSentWhole() throws {
    _ = Fixture.site
    let chain = String(decoding: Fixture.bytes("site.pem") + Fixture.bytes("ca.pem"), as: UTF8.self)
    Fixture.write(chain, "chain.pem")
    let loaded = try CertificateFiles.load(certificate: Fixture.path("chain.pem"), key: Fixture.path("site.key"))
    #expect(loaded.warnings.isEmpty)
    #expect(try Conversation(.testing([loaded])).run().isOpen)
  }
}
