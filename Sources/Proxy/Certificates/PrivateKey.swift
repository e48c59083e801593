import COpenSSL
import CShims

/// A private key in memory. Owns the OpenSSL object.
final class PrivateKey {
  let handle: OpaquePointer

  private init(owning handle: OpaquePointer) { self.handle = handle }

  deinit { EVP_PKEY_free(handle) }

  /// ECDSA P-256: every client knows it, and its handshakes cost a tenth of RSA's.
  static func generate() throws(CertificateError) -> PrivateKey {
    guard let handle = porthole_ec_key_generate("P-256") else { throw .openSSL("making a key") }
    return PrivateKey(owning: handle)
  }

  /// Nil where the bytes hold no private key, or one behind a passphrase.
  init?(pem: [UInt8]) {
    // Without a callback of ours OpenSSL would ask the terminal for a passphrase.
    let handle = MemoryBIO.reading(pem) { PEM_read_bio_PrivateKey($0, nil, { _, _, _, _ in -1 }, nil) }
    ERR_clear_error()
    guard let handle else { return nil }
    self.handle = handle
  }

  /// PKCS #8 without a passphrase.
  func pem() throws(CertificateError) -> [UInt8] {
    guard let bytes = MemoryBIO.written({ PEM_write_bio_PKCS8PrivateKey($0, self.handle, nil, nil, 0, nil, nil) == 1 })
    else {
      throw .openSSL("writing a key")
    }
    return bytes
  }
}
