import COpenSSL
import CShims
import Glibc

/// An X.509 certificate in memory. Owns the OpenSSL object.
public final class Certificate {
  let handle: OpaquePointer

  init(owning handle: OpaquePointer) { self.handle = handle }

  deinit { X509_free(handle) }

  /// The first certificate of a PEM text: a chain's own, before its intermediates. Nil where there is none.
  public init?(pem: [UInt8]) {
    let handle = MemoryBIO.reading(pem) { PEM_read_bio_X509($0, nil, nil, nil) }
    ERR_clear_error()
    guard let handle else { return nil }
    self.handle = handle
  }

  func pem() throws(CertificateError) -> [UInt8] {
    guard let bytes = MemoryBIO.written({ PEM_write_bio_X509($0, self.handle) == 1 }) else {
      throw .openSSL("writing a certificate")
    }
    return bytes
  }
}

// MARK: What it says

extension Certificate {
  /// The DNS names of its subject alternative name, as they are written: `*.preview.localhost`, `localhost`.
  public var dnsNames: [String] {
    guard let raw = X509_get_ext_d2i(handle, NID_subject_alt_name, nil, nil) else { return [] }
    let names = OpaquePointer(raw)
    defer { porthole_general_names_free(names) }
    return (0..<porthole_general_names_count(names)).compactMap { index in
      guard let name = porthole_general_names_at(names, index), name.pointee.type == GEN_DNS,
        let text = name.pointee.d.dNSName, let bytes = ASN1_STRING_get0_data(text)
      else { return nil }
      return String(decoding: UnsafeBufferPointer(start: bytes, count: Int(ASN1_STRING_length(text))), as: UTF8.self)
    }
  }

  /// The first moment at which it is no longer valid, in seconds since 1970.
  public var expiresAtSec: Int { Certificate.seconds(X509_get0_notAfter(handle)) }

  public var startsAtSec: Int { Certificate.seconds(X509_get0_notBefore(handle)) }

  public var subjectOrganization: String? { Certificate.entry(X509_get_subject_name(handle), NID_organizationName) }

  public var issuerOrganization: String? { Certificate.entry(X509_get_issuer_name(handle), NID_organizationName) }

  public var commonName: String? { Certificate.entry(X509_get_subject_name(handle), NID_commonName) }

  /// SHA-256 of the whole certificate, as tools print it: `AB:CD:…`.
  public var fingerprint: String {
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    guard X509_digest(handle, EVP_sha256(), &digest, &count) == 1 else { return "" }
    return digest[..<Int(count)].map { byte in
      let hex = String(byte, radix: 16, uppercase: true)
      return hex.count == 1 ? "0\(hex)" : hex
    }.joined(separator: ":")
  }

  /// Whether a client that asks for `host` would take it, wildcards included (RFC 6125 §6.4.3).
  public func covers(host: String) -> Bool {
    // No partial wildcards (`a*.test`): browsers take none.
    X509_check_host(handle, host, host.utf8.count, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS), nil) == 1
  }

  func belongs(to key: PrivateKey) -> Bool {
    defer { ERR_clear_error() }
    return X509_check_private_key(handle, key.handle) == 1
  }

  private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int {
    var parts = tm()
    guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return 0 }
    return timegm(&parts)
  }

  private static func entry(_ name: OpaquePointer?, _ id: Int32) -> String? {
    guard let name, case let index = X509_NAME_get_index_by_NID(name, id, -1), index >= 0,
      let text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)), let bytes = ASN1_STRING_get0_data(text)
    else { return nil }
    return String(decoding: UnsafeBufferPointer(start: bytes, count: Int(ASN1_STRING_length(text))), as: UTF8.self)
  }
}

// MARK: Whether it holds

extension Certificate {
  /// Nil where `authority` alone makes this a valid server certificate at `nowSec`, name constraints included; else
  /// OpenSSL's words for what is wrong.
  func problem(signedBy authority: Certificate, atSec nowSec: Int) -> String? {
    guard let store = X509_STORE_new(), let context = X509_STORE_CTX_new() else { return "out of memory" }
    defer {
      X509_STORE_CTX_free(context)
      X509_STORE_free(store)
      ERR_clear_error()
    }
    guard X509_STORE_add_cert(store, authority.handle) == 1, X509_STORE_CTX_init(context, store, handle, nil) == 1,
      X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER) == 1
    else { return "OpenSSL could not begin" }
    X509_STORE_CTX_set_time(context, 0, nowSec)
    if X509_verify_cert(context) == 1 { return nil }
    return String(cString: X509_verify_cert_error_string(Int(X509_STORE_CTX_get_error(context))))
  }
}
