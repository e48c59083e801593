/// A certificate chain with its key, read and checked, as bytes that any thread may hold.
public struct LoadedCertificate: Sendable {
  public let certificatePath: String
  public let keyPath: String
  /// DNS names it covers, in lower case; `*.example.com` stands for one label.
  public let names: [String]
  /// Seconds since 1970.
  public let notBefore: Int
  public let notAfter: Int
  /// What does not keep it from being served, but should be logged at every load.
  public let warnings: [CertificateWarning]
  let chain: [UInt8]
  let key: SecretBytes
  let ocsp: OCSPStaple?
}

public enum CertificateWarning: Equatable, Sendable {
  case expired(daysAgo: Int)
  case expiresSoon(daysLeft: Int)
  case notYetValid
  case coversNoName
  /// Each certificate in the file has to be followed by its issuer.
  case chainOutOfOrder
  case keyWorldReadable
  case ocspOutdated
  case ocspNotGood
}

extension CertificateWarning: CustomStringConvertible {
  public var description: String {
    switch self {
    case .expired(let days): "the certificate expired \(CertificateWarning.text(days)) ago; renew it"
    case .expiresSoon(let days): "the certificate expires in \(CertificateWarning.text(days)); renew it"
    case .notYetValid: "the certificate is not valid yet; check the clock"
    case .coversNoName: "the certificate covers no DNS name, so it serves only as the default"
    case .chainOutOfOrder: "the chain is not in order; put the server's certificate first, each followed by its issuer"
    case .keyWorldReadable: "everybody on this machine can read the private key; chmod 600 it"
    case .ocspOutdated: "the OCSP response is outdated and is not stapled; fetch a new one"
    case .ocspNotGood: "the OCSP response says that the certificate is revoked or unknown"
    }
  }

  private static func text(_ days: Int) -> String { days == 1 ? "1 day" : "\(days) days" }
}

/// One worker's own OpenSSL objects for a loaded certificate.
struct ParsedCertificate {
  let loaded: LoadedCertificate
  let chain: CertificateChain
  let key: PrivateKey

  init(_ loaded: LoadedCertificate) throws(TLSError) {
    self.loaded = loaded
    chain = try CertificateChain(pem: loaded.chain, path: loaded.certificatePath)
    key = try PrivateKey(pem: loaded.key, path: loaded.keyPath)
  }
}
