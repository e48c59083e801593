import Bytes
import COpenSSL
import Glibc

/// A local authority and a wildcard certificate for development, in one folder: `porthole certs dev`.
///
/// Running it again changes nothing as long as what is there is good. It renews what ends soon or no longer fits, and
/// it never touches a file that it did not make.
public struct DevelopmentCertificates: Sendable {
  public enum Domains: Sendable {
    /// These and no others.
    case exactly([String])
    /// What the present certificate has, and these as well; `preview.localhost` where that is nothing.
    case atLeast([String])
  }

  public enum Change: Sendable, Equatable {
    case kept
    /// Made, with the reason in a few words: "there was none".
    case made(why: String)
  }

  public struct Outcome: Sendable, Equatable {
    public let authority: Change
    public let certificate: Change
    public let domains: [String]
    public let expiresAtSec: Int
    /// The authority's SHA-256, to compare with what a browser shows.
    public let fingerprint: String
  }

  public static let defaultDomain = "preview.localhost"
  /// Browsers refuse more from an authority that ships with them, and some from any (Apple's limit is 398).
  public static let daysMax = 397
  private static let daySec = 86_400
  private static let authorityDays = 3650
  /// Clocks in virtual machines run behind: begin an hour ago.
  private static let backdatingSec = 3600
  /// In front of each key, outside the PEM block, where every reader skips it (RFC 7468 §2). It lets a later run know
  /// its own key even when the certificate beside it is gone.
  private static let keyMark = "Made by `porthole certs dev` for development on this machine only.\n"

  public let folder: String

  public init(folder: String = "certs/dev") { self.folder = folder }

  public var authorityPath: String { "\(folder)/ca.pem" }
  public var authorityKeyPath: String { "\(folder)/ca-key.pem" }
  public var certificatePath: String { "\(folder)/cert.pem" }
  public var keyPath: String { "\(folder)/key.pem" }

  /// Makes what is missing and renews what no longer serves.
  ///
  /// - Parameters:
  ///   - force: a new certificate and key even where the present ones are good. The authority stays, since it is
  ///     trusted already.
  ///   - newAuthority: a new authority too; it has to be trusted again.
  public func ensure(
    _ domains: Domains = .atLeast([]), days: Int = daysMax, force: Bool = false, newAuthority: Bool = false,
    nowSec: Int = Day.nowSec
  ) throws(CertificateError) -> Outcome {
    guard (1...DevelopmentCertificates.daysMax).contains(days) else {
      throw .badDays(days, max: DevelopmentCertificates.daysMax)
    }
    // Everything is looked at before anything is written, so that a foreign file leaves the folder as it was.
    let presentAuthority = try pair(authorityPath, authorityKeyPath) { $0.subjectOrganization }
    let presentLeaf = try pair(certificatePath, keyPath) { $0.issuerOrganization }
    let wanted = try DevelopmentCertificates.wantedDomains(domains, present: presentLeaf.certificate)

    var authorityReason = newAuthority ? "it was asked for" : nil
    if authorityReason == nil { authorityReason = try reasonForAuthority(presentAuthority, wanted, nowSec) }
    let authority: (certificate: Certificate, key: PrivateKey)
    if authorityReason == nil, let certificate = presentAuthority.certificate, let key = presentAuthority.key {
      authority = (certificate, key)
      try GuardedFile(authorityKeyPath).restrict(to: 0o600)
    } else {
      authority = try makeAuthority(wanted, nowSec)
    }

    var leafReason = force ? "it was asked for" : nil
    if leafReason == nil { leafReason = reasonForLeaf(presentLeaf, wanted, authority.certificate, nowSec) }
    let leaf: Certificate
    if leafReason == nil, let certificate = presentLeaf.certificate {
      leaf = certificate
      try GuardedFile(keyPath).restrict(to: 0o600)
    } else {
      leaf = try makeLeaf(wanted, days, authority, nowSec)
    }
    return Outcome(
      authority: authorityReason.map { .made(why: $0) } ?? .kept,
      certificate: leafReason.map { .made(why: $0) } ?? .kept,
      domains: wanted, expiresAtSec: leaf.expiresAtSec, fingerprint: authority.certificate.fingerprint)
  }
}

// MARK: What is there

extension DevelopmentCertificates {
  /// Either may be missing; what is there is ours.
  private struct Pair {
    var certificate: Certificate?
    var key: PrivateKey?
  }

  private func pair(
    _ certificatePath: String, _ keyPath: String, organization: (Certificate) -> String?
  ) throws(CertificateError) -> Pair {
    var pair = Pair()
    if let bytes = try GuardedFile(certificatePath).read() {
      guard let certificate = Certificate(pem: bytes) else {
        throw .foreignFile(path: certificatePath, why: "it holds no certificate")
      }
      guard organization(certificate) == CertificateRequest.organization else {
        throw .foreignFile(path: certificatePath, why: "somebody else issued it")
      }
      pair.certificate = certificate
    }
    if let bytes = try GuardedFile(keyPath).read() {
      guard let key = PrivateKey(pem: bytes) else { throw .foreignFile(path: keyPath, why: "it holds no private key") }
      let isMarked = bytes.starts(with: DevelopmentCertificates.keyMark.utf8)
      guard isMarked || pair.certificate?.belongs(to: key) == true else {
        throw .foreignFile(path: keyPath, why: "it belongs to no certificate here")
      }
      pair.key = key
    }
    return pair
  }

  private static func wantedDomains(_ domains: Domains, present: Certificate?) throws(CertificateError) -> [String] {
    let given: [String]
    switch domains {
    case .exactly(let list): given = list
    case .atLeast(let list): given = (present?.wildcardDomains ?? []) + list
    }
    var wanted: [String] = []
    for text in given.isEmpty ? [defaultDomain] : given {
      // Two bytes are for the wildcard; the check also keeps commas out of OpenSSL's notation.
      guard let name = DNSName.normalized(text), name.utf8.count <= 251 else { throw .badDomain(text) }
      if !wanted.contains(name) { wanted.append(name) }
    }
    return wanted
  }
}

// MARK: Whether it still serves

extension DevelopmentCertificates {
  /// A third of a short life, a month of a long one.
  private static func endsSoon(_ certificate: Certificate, _ nowSec: Int) -> Bool {
    let lifeSec = certificate.expiresAtSec - certificate.startsAtSec
    return certificate.expiresAtSec - nowSec < min(30 * daySec, lifeSec / 3)
  }

  private func reasonForAuthority(_ pair: Pair, _ domains: [String], _ nowSec: Int) throws(CertificateError) -> String?
  {
    guard let certificate = pair.certificate else { return "there was none" }
    guard let key = pair.key else { return "its key was gone" }
    guard certificate.belongs(to: key) else { return "its key was another one's" }
    if DevelopmentCertificates.endsSoon(certificate, nowSec) { return "it ends soon" }
    // Its name constraints decide, and nobody reads those better than a verification: issue one and see.
    let trial = CertificateRequest.leaf(for: domains, startsAtSec: nowSec - 1, expiresAtSec: nowSec + 60)
    let trialLeaf = try trial.issue(for: key, by: .authority(certificate, key))
    return trialLeaf.problem(signedBy: certificate, atSec: nowSec) == nil
      ? nil : "the old one may not vouch for these domains"
  }

  private func reasonForLeaf(_ pair: Pair, _ domains: [String], _ authority: Certificate, _ nowSec: Int) -> String? {
    guard let certificate = pair.certificate else { return "there was none" }
    guard let key = pair.key else { return "its key was gone" }
    guard certificate.belongs(to: key) else { return "its key was another one's" }
    if DevelopmentCertificates.endsSoon(certificate, nowSec) { return "it ends soon" }
    if Set(certificate.wildcardDomains) != Set(domains) { return "the domains changed" }
    return certificate.problem(signedBy: authority, atSec: nowSec) == nil ? nil : "the authority is a new one"
  }
}

// MARK: Making

extension DevelopmentCertificates {
  private func makeAuthority(_ domains: [String], _ nowSec: Int) throws(CertificateError) -> (
    certificate: Certificate, key: PrivateKey
  ) {
    let key = try PrivateKey.generate()
    let request = CertificateRequest.authority(
      for: domains, startsAtSec: nowSec - DevelopmentCertificates.backdatingSec,
      expiresAtSec: nowSec + DevelopmentCertificates.authorityDays * DevelopmentCertificates.daySec,
      // Two authorities on one machine can be told apart in a browser's list.
      tag: String(UInt32.random(in: .min ... .max), radix: 36))
    let certificate = try request.issue(for: key, by: .itself)
    try write(certificate, authorityPath, key, authorityKeyPath)
    return (certificate, key)
  }

  private func makeLeaf(
    _ domains: [String], _ days: Int, _ authority: (certificate: Certificate, key: PrivateKey), _ nowSec: Int
  ) throws(CertificateError) -> Certificate {
    let key = try PrivateKey.generate()
    let startsAtSec = nowSec - DevelopmentCertificates.backdatingSec
    // RFC 5280 §4.1.2.5 counts both ends in, so one second less is exactly so many days.
    let expiresAtSec = min(startsAtSec + days * DevelopmentCertificates.daySec - 1, authority.certificate.expiresAtSec)
    let request = CertificateRequest.leaf(for: domains, startsAtSec: startsAtSec, expiresAtSec: expiresAtSec)
    let certificate = try request.issue(for: key, by: .authority(authority.certificate, authority.key))
    if let problem = certificate.problem(signedBy: authority.certificate, atSec: nowSec) {
      throw .cryptography(doing: "checking the new certificate", reason: problem)
    }
    try write(certificate, certificatePath, key, keyPath)
    return certificate
  }

  /// The key first: a crash between the two leaves a marked key, which the next run replaces.
  private func write(_ certificate: Certificate, _ certificatePath: String, _ key: PrivateKey, _ keyPath: String)
    throws(CertificateError)
  {
    try GuardedFile.makeFolder(folder)
    try GuardedFile(keyPath).replace(with: Array(DevelopmentCertificates.keyMark.utf8) + key.pem(), mode: 0o600)
    try GuardedFile(certificatePath).replace(with: certificate.pem(), mode: 0o644)
  }
}

extension Certificate {
  /// The domains that it covers one label deep: `*.preview.localhost` is `preview.localhost`.
  var wildcardDomains: [String] {
    dnsNames.filter { $0.hasPrefix("*.") }.map { String($0.dropFirst(2)) }
  }
}
