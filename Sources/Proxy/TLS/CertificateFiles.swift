internal import COpenSSL
internal import Glibc

/// Turns files that an operator named into a certificate that can be served, or into an error that says what to do.
public enum CertificateFiles {
  private static let daySeconds = 86400
  /// Let's Encrypt renews 90-day certificates with 30 days left; at 14 something is stuck.
  private static let soonDays = 14

  public static func load(certificate: String, key: String, ocsp: String? = nil) throws(TLSError) -> LoadedCertificate {
    let chainBytes = try FileBytes.read(certificate, what: "certificate")
    let chain = try CertificateChain(pem: chainBytes, path: certificate)
    var keyBytes = try FileBytes.read(key, what: "private key")
    let secret = SecretBytes(consuming: &keyBytes)
    try check(PrivateKey(pem: secret, path: key), belongsTo: chain, keyPath: key)
    var staple: OCSPStaple?
    if let ocsp {
      staple = try OCSPStaple(der: try FileBytes.read(ocsp, what: "OCSP response"), path: ocsp, chain: chain)
    }
    var warnings = warnings(for: chain, staple, at: time(nil))
    if FileBytes.isWorldReadable(key) { warnings.append(.keyWorldReadable) }
    return LoadedCertificate(
      certificatePath: certificate, keyPath: key, names: chain.dnsNames, notBefore: chain.notBefore,
      notAfter: chain.notAfter,
      warnings: warnings, chain: chainBytes, key: secret, ocsp: staple)
  }

  private static func check(_ key: PrivateKey, belongsTo chain: CertificateChain, keyPath: String) throws(TLSError) {
    guard X509_check_private_key(chain.leaf, key.pointer) != 1 else { return }
    ERR_clear_error()
    let isElsewhere = chain.certificates.dropFirst().contains { X509_check_private_key($0, key.pointer) == 1 }
    ERR_clear_error()
    throw TLSError(
      "the private key does not belong to the certificate in \(chain.path)", path: keyPath,
      advice: isElsewhere
        ? "It belongs to a later certificate of that file: put the server's own certificate first"
        : "Name the key that the certificate was requested with")
  }

  static func warnings(for chain: CertificateChain, _ staple: OCSPStaple?, at now: Int) -> [CertificateWarning] {
    var found: [CertificateWarning] = []
    let left = chain.notAfter - now
    if left <= 0 {
      found.append(.expired(daysAgo: -left / daySeconds))
    } else if left < soonDays * daySeconds {
      found.append(.expiresSoon(daysLeft: left / daySeconds))
    }
    if now < chain.notBefore { found.append(.notYetValid) }
    if chain.dnsNames.isEmpty { found.append(.coversNoName) }
    if !chain.isInOrder { found.append(.chainOutOfOrder) }
    if let staple, !staple.isCurrent(at: now) { found.append(.ocspOutdated) }
    if let staple, !staple.isGood { found.append(.ocspNotGood) }
    return found
  }
}
