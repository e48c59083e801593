internal import COpenSSL

/// An OCSP response to staple (RFC 6960), checked to be about its certificate. Its signature is for clients to judge.
struct OCSPStaple: Sendable {
  let der: [UInt8]
  /// Seconds since 1970; nil when the responder sets no end (RFC 6960 §4.2.2.1).
  let nextUpdate: Int?
  let isGood: Bool

  func isCurrent(at now: Int) -> Bool { nextUpdate.map { now < $0 } ?? true }

  init(der: [UInt8], path: String, chain: CertificateChain) throws(TLSError) {
    defer { ERR_clear_error() }
    let response = der.withUnsafeBufferPointer { bytes in
      var at = bytes.baseAddress
      return d2i_OCSP_RESPONSE(nil, &at, bytes.count)
    }
    guard let response else {
      throw TLSError("is not a DER OCSP response", path: path, advice: "Fetch one with `openssl ocsp -respout`")
    }
    defer { OCSP_RESPONSE_free(response) }
    guard OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL,
      let basic = OCSP_response_get1_basic(response)
    else {
      throw TLSError("the OCSP responder answered with an error", path: path, advice: "Fetch the response again")
    }
    defer { OCSP_BASICRESP_free(basic) }
    let answers = (0..<OCSP_resp_count(basic)).lazy.compactMap { OCSP_resp_get0(basic, $0) }
    guard let single = answers.first(where: { OCSPStaple.isAnswer($0, about: chain) }) else {
      throw TLSError(
        "the OCSP response is about another certificate than \(chain.path)", path: path,
        advice: "Fetch it again after each renewal")
    }
    var next: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
    isGood = OCSP_single_get0_status(single, nil, nil, nil, &next) == V_OCSP_CERTSTATUS_GOOD
    nextUpdate = next.map { CertificateChain.seconds($0) }
    self.der = der
  }

  /// Compares serial numbers, and the issuer too when the chain has it.
  private static func isAnswer(_ single: OpaquePointer, about chain: CertificateChain) -> Bool {
    guard let id = OCSP_SINGLERESP_get0_id(single) else { return false }
    var digest: OpaquePointer?
    var serial: UnsafeMutablePointer<ASN1_INTEGER>?
    guard OCSP_id_get0_info(nil, &digest, nil, &serial, id) == 1,
      ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(chain.leaf)) == 0
    else { return false }
    guard chain.certificates.count > 1 else { return true }
    guard let method = EVP_get_digestbyname(OBJ_nid2sn(OBJ_obj2nid(digest))),
      let expected = OCSP_cert_to_id(method, chain.leaf, chain.certificates[1])
    else { return false }
    defer { OCSP_CERTID_free(expected) }
    return OCSP_id_cmp(expected, id) == 0
  }
}
