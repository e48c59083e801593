internal import COpenSSL
internal import CShims

/// Protocol versions that we speak (RFC 8996 retired the others).
public enum TLSVersion: Int32, Sendable {
  case tls12 = 0x0303
  case tls13 = 0x0304
}

/// The defaults of both roles: Mozilla's server-side TLS guideline 6.0, "intermediate". It has no DHE suites any more, and lets
/// the client choose, since it knows whether it has AES hardware. OpenSSL 3.0 lacks the guideline's first group, X25519MLKEM768.
public enum TLSDefaults {
  public static let ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    + "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
  public static let cipherSuites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
  public static let groups = "X25519:prime256v1:secp384r1"
}

/// Owns one `SSL_CTX`. Sessions hold references of their own, so this may go while they live.
final class OpenSSLContext {
  let pointer: OpaquePointer

  init(server: Bool, minVersion: TLSVersion) throws(TLSError) {
    guard let pointer = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()) else {
      throw .openSSL("OpenSSL made no context")
    }
    self.pointer = pointer
    shim_SSL_CTX_set_min_proto_version(pointer, minVersion.rawValue)
    shim_SSL_CTX_set_max_proto_version(pointer, TLSVersion.tls13.rawValue)
    // Compression leaks secrets through lengths (CRIME). Renegotiation is a way to spend our CPU, and HTTP/2 forbids it
    // (RFC 9113 §9.2.1).
    SSL_CTX_set_options(pointer, shim_SSL_OP_NO_COMPRESSION | shim_SSL_OP_NO_RENEGOTIATION)
    // No early data: it may be replayed (RFC 8446 §8), and we cannot know which requests survive that.
    SSL_CTX_set_max_early_data(pointer, 0)
    // An idle connection keeps no record buffers (2 x 17 KiB).
    shim_SSL_CTX_set_mode(pointer, Int(SSL_MODE_RELEASE_BUFFERS))
    shim_SSL_CTX_set_session_cache_mode(pointer, Int(SSL_SESS_CACHE_OFF))
  }

  deinit { SSL_CTX_free(pointer) }

  func setCiphers(_ ciphers: String, suites: String, groups: String) throws(TLSError) {
    guard SSL_CTX_set_cipher_list(pointer, ciphers) == 1 else {
      throw .openSSL("no usable TLS 1.2 cipher in \"\(ciphers)\"")
    }
    guard SSL_CTX_set_ciphersuites(pointer, suites) == 1 else {
      throw .openSSL("no usable TLS 1.3 cipher suite in \"\(suites)\"")
    }
    guard shim_SSL_CTX_set1_groups_list(pointer, groups) == 1 else {
      throw .openSSL("unknown key exchange group in \"\(groups)\"")
    }
  }

  /// Adds every certificate of `anchors` to those that peers are verified against.
  func trust(_ anchors: CertificateChain) throws(TLSError) {
    let store = SSL_CTX_get_cert_store(pointer)
    for certificate in anchors.certificates {
      guard X509_STORE_add_cert(store, certificate) == 1 else {
        throw .openSSL("a CA certificate could not be used", path: anchors.path)
      }
    }
  }
}
