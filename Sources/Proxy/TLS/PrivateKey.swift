internal import COpenSSL

/// A parsed private key. Owns it.
final class PrivateKey {
  let pointer: OpaquePointer
  /// OpenSSL's number for RSA, EC, Ed25519: keys of different kinds may serve the same name side by side.
  let kind: Int32

  init(pem: SecretBytes, path: String) throws(TLSError) {
    let parsed = pem.withBytes { bytes -> OpaquePointer? in
      guard let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else { return nil }
      defer { BIO_free(bio) }
      return PEM_read_bio_PrivateKey(bio, nil, passphraseWanted, nil)
    }
    guard let parsed else { throw PrivateKey.failure(pem, path) }
    pointer = parsed
    kind = EVP_PKEY_get_base_id(parsed)
  }

  deinit { EVP_PKEY_free(pointer) }

  /// Asks the text rather than OpenSSL, whose decoders answer "unsupported" to all three.
  private static func failure(_ pem: SecretBytes, _ path: String) -> TLSError {
    guard pem.contains("PRIVATE KEY-----") else {
      ERR_clear_error()
      return TLSError(
        "there is no PEM private key in the file", path: path, advice: "It has to contain -----BEGIN PRIVATE KEY-----")
    }
    // PKCS #8 says it in the label, the traditional form in a header (RFC 7468 §11, RFC 1421 §4.6.1.1).
    if pem.contains("BEGIN ENCRYPTED PRIVATE KEY") || pem.contains("Proc-Type: 4,ENCRYPTED") {
      ERR_clear_error()
      return TLSError(
        "the private key is protected by a passphrase, which porthole cannot ask for", path: path,
        advice: "Remove it with `openssl pkey -in \(path) -out plain-key.pem`")
    }
    return .openSSL("the private key cannot be used", path: path)
  }
}

/// Without a callback, OpenSSL would ask on the terminal.
@c func passphraseWanted(
  _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int32, _ isWriting: Int32, _ argument: UnsafeMutableRawPointer?
) -> Int32 { -1 }
