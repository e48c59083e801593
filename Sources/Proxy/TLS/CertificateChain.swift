internal import COpenSSL
internal import CShims
internal import Glibc

/// Certificates parsed from one PEM file: a leaf and its issuers, or CA certificates. Owns them.
final class CertificateChain {
  let certificates: [OpaquePointer]
  let path: String

  var leaf: OpaquePointer { certificates[0] }

  init(pem: [UInt8], path: String) throws(TLSError) {
    self.path = path
    var parsed: [OpaquePointer] = []
    pem.withUnsafeBytes { bytes in
      guard let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else { return }
      while let certificate = PEM_read_bio_X509(bio, nil, nil, nil) { parsed.append(certificate) }
      BIO_free(bio)
    }
    certificates = parsed
    // Every file ends in "no start line"; anything else means that a block is damaged, and half a chain is worse than none.
    let code = ERR_peek_last_error()
    ERR_clear_error()
    let isAtEnd = code == 0 || ERR_GET_REASON(code) == PEM_R_NO_START_LINE
    if !isAtEnd {
      throw TLSError(
        "certificate \(parsed.count + 1) in the file is damaged (\(TLSFailure.reasonText(code)))", path: path)
    }
    if parsed.isEmpty {
      throw TLSError(
        "there is no PEM certificate in the file", path: path,
        advice: "It has to contain -----BEGIN CERTIFICATE-----; convert DER with `openssl x509 -inform der`")
    }
  }

  deinit {
    for certificate in certificates { X509_free(certificate) }
  }
}

// What a certificate says

extension CertificateChain {
  /// DNS names of the subject alternative names, in lower case. The common name does not count (RFC 9525 §6.3).
  var dnsNames: [String] {
    guard let list = X509_get_ext_d2i(leaf, NID_subject_alt_name, nil, nil) else { return [] }
    let names = OpaquePointer(list)
    defer { GENERAL_NAMES_free(names) }
    return (0..<OPENSSL_sk_num(names)).compactMap { index in
      var kind: Int32 = 0
      let entry = OPENSSL_sk_value(names, index)?.assumingMemoryBound(to: GENERAL_NAME.self)
      guard let value = GENERAL_NAME_get0_value(entry, &kind), kind == GEN_DNS else { return nil }
      let string = OpaquePointer(value)
      let bytes = UnsafeBufferPointer(
        start: ASN1_STRING_get0_data(.init(string)), count: Int(ASN1_STRING_length(.init(string))))
      return String(decoding: bytes, as: UTF8.self).lowercased()
    }
  }

  /// Seconds since 1970.
  var notBefore: Int { CertificateChain.seconds(X509_get0_notBefore(leaf)) }
  var notAfter: Int { CertificateChain.seconds(X509_get0_notAfter(leaf)) }

  /// Whether each certificate was issued by the next; clients reject other orders (RFC 8446 §4.4.2 tolerates, many do not).
  var isInOrder: Bool {
    zip(certificates, certificates.dropFirst()).allSatisfy { X509_check_issued($1, $0) == X509_V_OK }
  }

  static func seconds(_ moment: UnsafePointer<ASN1_TIME>?) -> Int {
    var fields = tm()
    return ASN1_TIME_to_tm(moment, &fields) == 1 ? timegm(&fields) : 0
  }

  /// The subject as RFC 4514 writes it.
  static func subject(of certificate: OpaquePointer) -> String {
    guard let bio = BIO_new(BIO_s_mem()) else { return "" }
    defer { BIO_free(bio) }
    // Control characters and non-ASCII leave as escapes: this goes into logs and headers.
    X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, shim_XN_FLAG_RFC2253)
    var text = [UInt8](repeating: 0, count: BIO_ctrl_pending(bio))
    let count = BIO_read(bio, &text, Int32(clamping: text.count))
    return String(decoding: text[0..<max(0, Int(count))], as: UTF8.self)
  }
}
