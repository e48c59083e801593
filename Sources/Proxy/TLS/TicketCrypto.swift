internal import COpenSSL
internal import Glibc

/// Encrypts and authenticates tickets as RFC 5077 §4 recommends: AES-CBC, then HMAC-SHA256. One per context: a fetched cipher
/// carries a reference count that workers should not share.
final class TicketCrypto {
  private let cipher: OpaquePointer
  /// The parameters below point into these two, and OpenSSL copies neither.
  private let digestKey: UnsafeMutablePointer<CChar>
  private let digestName: UnsafeMutablePointer<CChar>
  private let macParameters: UnsafeMutablePointer<OSSL_PARAM>

  init() throws(TLSError) {
    guard let cipher = EVP_CIPHER_fetch(nil, "AES-256-CBC", nil) else { throw .openSSL("OpenSSL has no AES-256-CBC") }
    self.cipher = cipher
    digestKey = strdup("digest")  // OSSL_MAC_PARAM_DIGEST
    digestName = strdup("SHA256")
    macParameters = .allocate(capacity: 2)
    macParameters.initialize(to: OSSL_PARAM_construct_utf8_string(digestKey, digestName, 0))
    (macParameters + 1).initialize(to: OSSL_PARAM_construct_end())
  }

  deinit {
    EVP_CIPHER_free(cipher)
    macParameters.deallocate()
    free(digestKey)
    free(digestName)
  }

  /// Prepares to encrypt. Answers as OpenSSL's ticket key callback does: 1, or -1 to fail the handshake.
  func seal(
    with keys: TicketKeys, name: UnsafeMutablePointer<UInt8>, iv: UnsafeMutablePointer<UInt8>,
    cipher context: OpaquePointer,
    mac: OpaquePointer
  ) -> Int32 {
    let key = keys.current
    memcpy(name, key, TicketKey.nameCount)
    guard RAND_bytes(iv, EVP_CIPHER_get_iv_length(cipher)) == 1 else { return -1 }
    let isReady = TicketCrypto.withSecrets(key) { cipherKey, macKey in
      EVP_EncryptInit_ex2(context, cipher, cipherKey, iv, nil) == 1
        && EVP_MAC_init(mac, macKey, TicketKey.secretCount, macParameters) == 1
    }
    return isReady ? 1 : -1
  }

  /// Prepares to decrypt: 1 under the current key, 2 under an older one (use it, and send a new ticket), 0 when no key has that
  /// name, which means a full handshake.
  func open(
    with keys: TicketKeys, name: UnsafePointer<UInt8>, iv: UnsafePointer<UInt8>, cipher context: OpaquePointer,
    mac: OpaquePointer
  ) -> Int32 {
    guard let position = keys.position(ofName: name) else { return 0 }
    let isReady = TicketCrypto.withSecrets(keys.key(at: position)) { cipherKey, macKey in
      EVP_DecryptInit_ex2(context, cipher, cipherKey, iv, nil) == 1
        && EVP_MAC_init(mac, macKey, TicketKey.secretCount, macParameters) == 1
    }
    guard isReady else { return -1 }
    return position == 0 ? 1 : 2
  }

  /// Lends the two secrets where they are, without copies.
  private static func withSecrets(
    _ key: UnsafePointer<TicketKey>, _ body: (_ cipherKey: UnsafePointer<UInt8>, _ macKey: UnsafePointer<UInt8>) -> Bool
  ) -> Bool {
    let bytes = UnsafeRawPointer(key).assumingMemoryBound(to: UInt8.self)
    let cipherKey = bytes + TicketKey.nameCount
    return body(cipherKey, cipherKey + TicketKey.secretCount)
  }
}
