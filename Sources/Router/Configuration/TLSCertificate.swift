import Settings

extension Configuration {
  /// A certificate chain and its key. That they belong together is checked where they are loaded.
  public struct TLSCertificate: Sendable, Equatable {
    /// The absolute path of a PEM file: the certificate, then its intermediates.
    public var certificate: String
    /// The absolute path of the PEM private key.
    public var key: String
    /// The absolute path of a DER OCSP response to staple. Default: none.
    public var ocsp: String?

    public init(certificate: String, key: String, ocsp: String? = nil) {
      self.certificate = certificate
      self.key = key
      self.ocsp = ocsp
    }
  }
}

extension Configuration.TLSCertificate {
  /// Where `porthole certs dev` puts its work, seen from the configuration file's folder or the working directory.
  public static let development = Configuration.TLSCertificate(
    certificate: "certs/dev/cert.pem", key: "certs/dev/key.pem")

  static func readList(_ field: Field) -> [Configuration.TLSCertificate] {
    guard field.isGiven else { return developmentList(field) }
    guard let items = field.items("[{certificate: cert.pem, key: key.pem}]") else { return [] }
    if items.isEmpty { field.refuse(expected: "at least one certificate and key") }
    var seen: Set<String> = []
    return items.compactMap { item in
      guard item.isSection("{certificate: cert.pem, key: key.pem}") else { return nil }
      let certificate = item["certificate"].file("the certificate")
      let key = item["key"].file("the private key")
      let ocsp = item["ocsp"].file("the OCSP response")
      if !item["certificate"].isGiven { item["certificate"].require("the path of a PEM certificate chain") }
      if !item["key"].isGiven { item["key"].require("the path of the certificate's PEM private key") }
      guard let certificate, let key else { return nil }
      if !seen.insert(certificate).inserted { item["certificate"].refuse("\(certificate) is listed twice") }
      return Configuration.TLSCertificate(certificate: certificate, key: key, ocsp: ocsp)
    }
  }

  private static func developmentList(_ field: Field) -> [Configuration.TLSCertificate] {
    for folder in [field.reading.folder, field.reading.workingFolder] {
      let certificate = FilePath.join(folder, development.certificate)
      let key = FilePath.join(folder, development.key)
      if FilePath.unreadable(certificate) == nil, FilePath.unreadable(key) == nil {
        return [Configuration.TLSCertificate(certificate: certificate, key: key)]
      }
    }
    field.require(
      "a list such as [{certificate: cert.pem, key: key.pem}]; for development, run `porthole certs dev` and leave tls out"
    )
    return []
  }
}
