import COpenSSL
import CShims

/// What a new certificate shall say. `issue` signs it.
struct CertificateRequest {
  enum Issuer {
    case itself
    case authority(Certificate, PrivateKey)
  }

  var commonName: String
  var startsAtSec: Int
  var expiresAtSec: Int
  /// In OpenSSL's configuration notation, in this order. Names inside are checked before: a comma would start another.
  var extensions: [(id: Int32, value: String)]

  /// Everything that `porthole certs dev` makes carries it; it is how a later run knows its own files.
  static let organization = "Porthole development"

  func issue(for key: PrivateKey, by issuer: Issuer) throws(CertificateError) -> Certificate {
    guard let handle = X509_new() else { throw .openSSL("making a certificate") }
    let certificate = Certificate(owning: handle)
    guard X509_set_version(handle, 2) == 1,  // Counted from 0: this is version 3.
      ASN1_TIME_set(X509_getm_notBefore(handle), startsAtSec) != nil,
      ASN1_TIME_set(X509_getm_notAfter(handle), expiresAtSec) != nil,
      X509_set_pubkey(handle, key.handle) == 1
    else { throw .openSSL("filling a certificate") }
    try setSerial(handle)
    try setSubject(handle)

    let (authority, signingKey) = CertificateRequest.signer(issuer, of: certificate, key)
    guard X509_set_issuer_name(handle, X509_get_subject_name(authority.handle)) == 1 else {
      throw .openSSL("naming the issuer")
    }
    for (id, value) in extensions { try add(id, value, to: handle, issuer: authority.handle) }
    guard X509_sign(handle, signingKey.handle, EVP_sha256()) > 0 else { throw .openSSL("signing a certificate") }
    return certificate
  }

  private static func signer(_ issuer: Issuer, of own: Certificate, _ key: PrivateKey) -> (Certificate, PrivateKey) {
    switch issuer {
    case .itself: (own, key)
    case .authority(let certificate, let key): (certificate, key)
    }
  }

  /// 127 random bits: positive, and within the 20 bytes of RFC 5280 §4.1.2.2.
  private func setSerial(_ handle: OpaquePointer) throws(CertificateError) {
    var bytes = [UInt8](repeating: 0, count: 16)
    guard RAND_bytes(&bytes, 16) == 1 else { throw .openSSL("drawing a serial number") }
    bytes[0] = bytes[0] & 0x7F | 0x40  // Never zero, and always the same length.
    guard let number = BN_bin2bn(bytes, 16, nil) else { throw .openSSL("setting the serial number") }
    defer { BN_free(number) }
    guard BN_to_ASN1_INTEGER(number, X509_get_serialNumber(handle)) != nil else {
      throw .openSSL("setting the serial number")
    }
  }

  private func setSubject(_ handle: OpaquePointer) throws(CertificateError) {
    let name = X509_get_subject_name(handle)
    for (field, text) in [("O", CertificateRequest.organization), ("CN", commonName)] {
      guard X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, text, Int32(text.utf8.count), -1, 0) == 1 else {
        throw .openSSL("naming the subject")
      }
    }
  }

  private func add(_ id: Int32, _ value: String, to handle: OpaquePointer, issuer: OpaquePointer)
    throws(CertificateError)
  {
    var context = X509V3_CTX()
    X509V3_set_ctx(&context, issuer, handle, nil, nil, 0)
    guard let ext = X509V3_EXT_conf_nid(nil, &context, id, value) else {
      throw .openSSL("making the extension \(value)")
    }
    defer { X509_EXTENSION_free(ext) }
    guard X509_add_ext(handle, ext, -1) == 1 else { throw .openSSL("adding the extension \(value)") }
  }
}

// MARK: The two kinds

extension CertificateRequest {
  /// An authority that can vouch for these domains and this machine, and for nothing else: if its key is stolen, the
  /// thief cannot pretend to be somebody's bank.
  static func authority(for domains: [String], startsAtSec: Int, expiresAtSec: Int, tag: String) -> CertificateRequest {
    let names = permittedNames(domains).map { "permitted;DNS:\($0)" }
    let constraints =
      names + [
        "permitted;IP:127.0.0.0/255.0.0.0",
        "permitted;IP:0:0:0:0:0:0:0:1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
      ]
    return CertificateRequest(
      commonName: "Porthole development CA \(tag)", startsAtSec: startsAtSec, expiresAtSec: expiresAtSec,
      extensions: [
        (NID_basic_constraints, "critical,CA:TRUE,pathlen:0"),
        (NID_key_usage, "critical,keyCertSign,cRLSign"),
        (NID_subject_key_identifier, "hash"),
        (NID_name_constraints, "critical," + constraints.joined(separator: ",")),
      ])
  }

  /// A server certificate for each domain, one label below it, and this machine.
  static func leaf(for domains: [String], startsAtSec: Int, expiresAtSec: Int) -> CertificateRequest {
    var names: [String] = []
    for name in domains.flatMap({ [$0, "*.\($0)"] }) + ["localhost"] where !names.contains(name) { names.append(name) }
    let alternatives = names.map { "DNS:\($0)" } + ["IP:127.0.0.1", "IP:::1"]
    return CertificateRequest(
      // RFC 5280 §A.1, ub-common-name: 64. Clients read the alternatives only.
      commonName: String(domains[0].prefix(64)), startsAtSec: startsAtSec, expiresAtSec: expiresAtSec,
      extensions: [
        (NID_basic_constraints, "critical,CA:FALSE"),
        (NID_key_usage, "critical,digitalSignature"),
        (NID_ext_key_usage, "serverAuth"),
        (NID_subject_key_identifier, "hash"),
        (NID_authority_key_identifier, "keyid:always"),
        (NID_subject_alt_name, alternatives.joined(separator: ",")),
      ])
  }

  /// A constraint takes all names below it too, so `preview.localhost` needs no entry beside `localhost`.
  private static func permittedNames(_ domains: [String]) -> [String] {
    ["localhost"] + domains.filter { $0 != "localhost" && !$0.hasSuffix(".localhost") }
  }
}
