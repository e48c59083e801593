internal import Bytes
internal import COpenSSL
internal import CShims

/// How an upstream that speaks TLS is dialled.
public struct TLSClientSettings: Sendable {
  public enum Verification: Sendable {
    /// Against the machine's CA certificates.
    case system
    case roots(TrustAnchors)
    /// Not at all: the name goes out as SNI, and anybody may answer.
    case insecure
  }

  public var verification: Verification
  /// What to offer, in order of preference; empty for no ALPN.
  public var alpn: [ALPN]
  public var minVersion = TLSVersion.tls12

  public init(verification: Verification, alpn: [ALPN] = [.http2, .http1]) {
    self.verification = verification
    self.alpn = alpn
  }
}

/// The client side's policy towards upstreams. One per worker and settings, confined to its loop.
public final class TLSClientContext {
  let context: OpenSSLContext
  private let isVerifying: Bool

  public init(_ settings: TLSClientSettings) throws(TLSError) {
    context = try OpenSSLContext(server: false, minVersion: settings.minVersion)
    try context.setCiphers(TLSDefaults.ciphers, suites: TLSDefaults.cipherSuites, groups: TLSDefaults.groups)
    switch settings.verification {
    case .system:
      isVerifying = true
      guard SSL_CTX_set_default_verify_paths(context.pointer) == 1 else {
        throw .openSSL("the system's CA certificates are missing")
      }
    case .roots(let anchors):
      isVerifying = true
      try context.trust(CertificateChain(pem: anchors.pem, path: anchors.path))
    case .insecure:
      isVerifying = false
    }
    SSL_CTX_set_verify(context.pointer, isVerifying ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
    let offer = settings.alpn.flatMap(TLSClientContext.offered)
    // Unlike its neighbours, this one answers 0 for success.
    if !offer.isEmpty, SSL_CTX_set_alpn_protos(context.pointer, offer, UInt32(offer.count)) != 0 {
      throw .openSSL("OpenSSL refuses the ALPN offer")
    }
  }

  /// As RFC 7301 §3.1 writes it: a length byte and the name.
  private static func offered(_ alpn: ALPN) -> [UInt8] {
    switch alpn {
    case .none: []
    case .http1: [8] + Array("http/1.1".utf8)
    case .http2: [2] + Array("h2".utf8)
    }
  }

  /// Tells a session whom to ask for and whom to accept. False for a name that cannot be one.
  func expect(_ name: String, on ssl: OpaquePointer) -> Bool {
    // Nothing to verify and nobody to ask for: a service inside a sandbox.
    if name.isEmpty { return !isVerifying }
    guard name.utf8.count <= ServerName.maxCount, !name.utf8.contains(0) else { return false }
    if let ip = IPAddress(name) {
      // RFC 6066 §3: literal addresses are not permitted as server names, so they are verified without being sent.
      return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), ip.description) == 1
    }
    SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
    return SSL_set1_host(ssl, name) == 1 && shim_SSL_set_host_name(ssl, name) == 1
  }
}
