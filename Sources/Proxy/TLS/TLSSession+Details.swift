internal import COpenSSL

/// What the handshake settled, for routing and logs.
extension TLSSession {
  /// The name that the client asked for (RFC 6066 §3), in lower case and without a trailing dot; empty if it named none.
  /// For a client session, the name it was made with.
  public func withServerName<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
    body(wire.pointee.serverNameBytes)
  }

  public var isResumed: Bool { SSL_session_reused(ssl) == 1 }

  public var versionName: StaticString {
    switch SSL_version(ssl) {
    case TLS1_3_VERSION: "TLSv1.3"
    case TLS1_2_VERSION: "TLSv1.2"
    default: "TLS"
    }
  }

  public var cipherName: String {
    guard let cipher = SSL_get_current_cipher(ssl), let name = SSL_CIPHER_get_name(cipher) else { return "" }
    return String(cString: name)
  }

  /// Whether the client showed a certificate. One that the client CA did not issue has already failed the handshake.
  public var hasClientCertificate: Bool {
    SSL_is_server(ssl) == 1 && SSL_get0_peer_certificate(ssl) != nil
  }

  /// The subject of the client's certificate as RFC 4514 writes it; empty without one.
  public func clientCertificateSubject() -> String {
    guard SSL_is_server(ssl) == 1, let certificate = SSL_get0_peer_certificate(ssl) else { return "" }
    return CertificateChain.subject(of: certificate)
  }
}
