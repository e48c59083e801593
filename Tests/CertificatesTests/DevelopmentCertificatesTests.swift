import Glibc
import Testing

@testable import Certificates

@Suite struct DevelopmentCertificatesTests {
  let folder = TemporaryFolder()
  var certificates: DevelopmentCertificates { DevelopmentCertificates(folder: "\(folder.path)/certs/dev") }

  private func contents() -> [[UInt8]?] {
    [certificates.authorityPath, certificates.authorityKeyPath, certificates.certificatePath, certificates.keyPath].map
    {
      try? GuardedFile($0).read()
    }
  }

  @Test func theChainVerifies() throws {
    let outcome = try certificates.ensure(.exactly(["preview.localhost", "other.test"]))
    #expect(outcome.authority == .made(why: "there was none"))
    #expect(outcome.certificate == .made(why: "there was none"))
    let leaf = try #require(Certificate(pem: GuardedFile(certificates.certificatePath).read() ?? []))
    let authority = try #require(Certificate(pem: GuardedFile(certificates.authorityPath).read() ?? []))
    #expect(leaf.problem(signedBy: authority, atSec: Day.nowSec) == nil)
    #expect(leaf.problem(signedBy: leaf, atSec: Day.nowSec) != nil)
    #expect(leaf.dnsNames == ["preview.localhost", "*.preview.localhost", "other.test", "*.other.test", "localhost"])
  }

  @Test func theCommandLineToolAgrees() throws {
    _ = try certificates.ensure()
    let (status, output) = run(
      "openssl verify -x509_strict -purpose sslserver -CAfile \(certificates.authorityPath) \(certificates.certificatePath)"
    )
    #expect(status == 0, "\(output)")
    let (_, text) = run("openssl x509 -noout -text -in \(certificates.certificatePath)")
    for line in [
      "TLS Web Server Authentication", "DNS:*.preview.localhost", "IP Address:127.0.0.1", "CA:FALSE",
      "Digital Signature", "Authority Key Identifier", "Subject Key Identifier",
    ] {
      #expect(text.contains(line), "no \(line)")
    }
    let (_, authority) = run("openssl x509 -noout -text -in \(certificates.authorityPath)")
    for line in ["CA:TRUE, pathlen:0", "Name Constraints: critical", "DNS:localhost", "Certificate Sign, CRL Sign"] {
      #expect(authority.contains(line), "no \(line)")
    }
  }

  @Test(arguments: [
    ("3000-demo.preview.localhost", true), ("preview.localhost", true), ("localhost", true),
    ("PREVIEW.localhost", true),
    ("a.b.preview.localhost", false), ("preview.test", false), ("xpreview.localhost", false),
  ]) func theWildcardCoversOneLabel(_ host: String, covered: Bool) throws {
    _ = try certificates.ensure()
    let inspection = try CertificateInspection(
      certificatePath: certificates.certificatePath, keyPath: certificates.keyPath)
    #expect(inspection.problems == [])
    #expect(inspection.covers(host: host) == covered)
  }

  @Test func theAuthorityMayNotVouchForOthers() throws {
    _ = try certificates.ensure()
    let authority = try #require(Certificate(pem: GuardedFile(certificates.authorityPath).read() ?? []))
    let key = try #require(PrivateKey(pem: GuardedFile(certificates.authorityKeyPath).read() ?? []))
    let forged = try CertificateRequest.leaf(
      for: ["bank.example"], startsAtSec: Day.nowSec - 9, expiresAtSec: Day.nowSec + 99
    )
    .issue(for: PrivateKey.generate(), by: .authority(authority, key))
    #expect(forged.problem(signedBy: authority, atSec: Day.nowSec) == "permitted subtree violation")
  }

  @Test func keysAreForTheirOwnerAlone() throws {
    let before = umask(0)
    defer { umask(before) }
    _ = try certificates.ensure()
    #expect(mode(certificates.keyPath) == 0o600)
    #expect(mode(certificates.authorityKeyPath) == 0o600)
    #expect(mode(certificates.certificatePath) == 0o644)
    chmod(certificates.keyPath, 0o644)
    _ = try certificates.ensure()
    #expect(mode(certificates.keyPath) == 0o600)
  }

  @Test func runningAgainKeepsEverything() throws {
    _ = try certificates.ensure(.exactly(["a.test", "b.test"]))
    let before = contents()
    let outcome = try certificates.ensure()
    #expect(outcome.authority == .kept && outcome.certificate == .kept)
    #expect(outcome.domains == ["a.test", "b.test"])
    #expect(contents() == before)
  }

  @Test func forceRenewsTheCertificateAndKeepsTheAuthority() throws {
    let first = try certificates.ensure()
    let before = contents()
    let outcome = try certificates.ensure(force: true)
    #expect(outcome.certificate == .made(why: "it was asked for"))
    #expect(outcome.fingerprint == first.fingerprint)
    #expect(contents()[..<2] == before[..<2])
    #expect(contents()[2] != before[2] && contents()[3] != before[3])
  }

  @Test func aNewAuthorityTakesTheCertificateWithIt() throws {
    let first = try certificates.ensure()
    let outcome = try certificates.ensure(newAuthority: true)
    #expect(outcome.authority == .made(why: "it was asked for"))
    #expect(outcome.certificate == .made(why: "the authority is a new one"))
    #expect(outcome.fingerprint != first.fingerprint)
  }

  @Test func otherDomainsRenewTheCertificate() throws {
    _ = try certificates.ensure()
    let within = try certificates.ensure(.exactly(["other.localhost"]))
    #expect(within.authority == .kept)
    #expect(within.certificate == .made(why: "the domains changed"))
    let outside = try certificates.ensure(.atLeast(["other.test"]))
    #expect(outside.authority == .made(why: "the old one may not vouch for these domains"))
    #expect(outside.domains == ["other.localhost", "other.test"])
  }

  @Test(arguments: [(397, 366, false), (397, 368, true), (9, 5, false), (9, 7, true)])
  func whatEndsSoonIsRenewed(_ days: Int, afterDays: Int, renewed: Bool) throws {
    _ = try certificates.ensure(days: days)
    let outcome = try certificates.ensure(days: days, nowSec: Day.nowSec + afterDays * 86_400)
    #expect(outcome.authority == .kept)
    #expect(outcome.certificate == (renewed ? .made(why: "it ends soon") : .kept))
  }

  @Test func aLifeIsAtMostWhatBrowsersTake() throws {
    _ = try certificates.ensure(days: 397)
    let leaf = try #require(Certificate(pem: GuardedFile(certificates.certificatePath).read() ?? []))
    #expect(leaf.expiresAtSec - leaf.startsAtSec + 1 == 397 * 86_400)
    #expect(throws: CertificateError.badDays(398, max: 397)) { try certificates.ensure(days: 398) }
    #expect(throws: CertificateError.badDays(0, max: 397)) { try certificates.ensure(days: 0) }
  }

  @Test(arguments: ["ca.pem", "ca-key.pem", "cert.pem", "key.pem"]) func foreignFilesAreLeftAlone(_ name: String) throws
  {
    try GuardedFile.makeFolder(certificates.folder)
    let path = "\(certificates.folder)/\(name)"
    let (status, output) = run(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /O=Somebody/CN=x -keyout \(folder.path)/k -out \(folder.path)/c"
    )
    #expect(status == 0, "\(output)")
    rename("\(folder.path)/\(name.contains("key") ? "k" : "c")", path)
    chmod(path, 0o644)
    let before = contents()
    for force in [false, true] {
      #expect(throws: CertificateError.self) { try certificates.ensure(force: force, newAuthority: force) }
    }
    #expect(contents() == before)
    #expect(mode(path) == 0o644)
  }

  @Test(arguments: ["ca.pem", "ca-key.pem", "cert.pem", "key.pem"]) func aLostFileIsMadeAgain(_ name: String) throws {
    _ = try certificates.ensure()
    unlink("\(certificates.folder)/\(name)")
    _ = try certificates.ensure()
    let outcome = try certificates.ensure()
    #expect(outcome.authority == .kept && outcome.certificate == .kept)
  }

  @Test(arguments: ["", "a b", "a.test,DNS:evil.test", "*.a.test", "a.test:80", "127.0.0.1"])
  func whatIsNoDomainIsRefused(_ domain: String) {
    #expect(throws: CertificateError.badDomain(domain)) { try certificates.ensure(.exactly([domain])) }
    #expect(contents() == [nil, nil, nil, nil])
  }

  @Test func serialsDiffer() throws {
    _ = try certificates.ensure()
    let (_, first) = run("openssl x509 -noout -serial -in \(certificates.certificatePath)")
    _ = try certificates.ensure(force: true)
    let (_, second) = run("openssl x509 -noout -serial -in \(certificates.certificatePath)")
    #expect(first != second)
    #expect(first.count == second.count)
  }

  @Test func anotherKeyIsNoticed() throws {
    _ = try certificates.ensure()
    try GuardedFile(certificates.keyPath).replace(with: PrivateKey.generate().pem(), mode: 0o600)
    let inspection = try CertificateInspection(
      certificatePath: certificates.certificatePath, keyPath: certificates.keyPath)
    #expect(inspection.problems == ["\(certificates.keyPath) is not the key of \(certificates.certificatePath)"])
  }

  @Test(arguments: [
    (0, "1970-01-01"), (951_782_400, "2000-02-29"), (951_868_800, "2000-03-01"), (1_798_761_599, "2026-12-31"),
    (4_107_542_399, "2100-02-28"), (4_107_542_400, "2100-03-01"),
  ])
  func daysAreThoseOfTheCalendar(_ seconds: Int, text: String) {
    #expect(Day.text(seconds) == text)
  }
}
