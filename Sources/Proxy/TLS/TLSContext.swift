internal import COpenSSL
internal import CShims

/// The server side's certificates and policy, built by each worker for itself: OpenSSL's contexts carry reference counts and
/// locks that workers would otherwise fight over. Confined to the loop of its worker.
///
/// A reload makes a new context; sessions keep the one they began with.
public final class TLSContext {
  /// New keys for new tickets; take those that the control thread published.
  public var tickets: TicketKeys
  let offersHTTP2: Bool
  let defaultContext: OpenSSLContext
  let ticketCrypto: TicketCrypto
  /// One per distinct set of certificates; the first is the default.
  private let contexts: [OpenSSLContext]
  private let names: CertificateNames
  private let staples: [Staple]

  private struct Staple {
    let certificate: OpaquePointer
    let response: OCSPStaple
    /// Keeps `certificate` alive.
    let chain: CertificateChain
  }

  public init(_ settings: TLSServerSettings) throws(TLSError) {
    guard !settings.certificates.isEmpty else {
      throw TLSError(
        "no certificate is configured", advice: "Name one under tls:, or make one with `porthole certs dev`")
    }
    var parsed: [ParsedCertificate] = []
    for certificate in settings.certificates { parsed.append(try ParsedCertificate(certificate)) }
    let names = CertificateNames(parsed.map { CertificateNames.Entry(names: $0.loaded.names, keyKind: $0.key.kind) })
    var contexts: [OpenSSLContext] = []
    for group in names.groups {
      contexts.append(try TLSContext.context(serving: group.map { parsed[$0] }, settings))
    }
    self.names = names
    self.contexts = contexts
    defaultContext = contexts[0]
    ticketCrypto = try TicketCrypto()
    tickets = settings.tickets
    offersHTTP2 = settings.offersHTTP2
    staples = parsed.compactMap { parsed in
      parsed.loaded.ocsp.map { Staple(certificate: parsed.chain.leaf, response: $0, chain: parsed.chain) }
    }
  }

  /// The context for a host name in lower case; the default one for a name that no certificate covers.
  func context(for name: UnsafeBufferPointer<UInt8>) -> OpenSSLContext {
    contexts[names.group(for: name)]
  }

  /// The stapled response for the certificate that OpenSSL is about to send.
  func staple(for certificate: OpaquePointer?) -> OCSPStaple? {
    staples.first { $0.certificate == certificate }?.response
  }
}

// Construction

extension TLSContext {
  /// One `SSL_CTX` for certificates of different key kinds: OpenSSL picks by what the client can verify.
  private static func context(
    serving certificates: [ParsedCertificate], _ settings: TLSServerSettings
  ) throws(TLSError) -> OpenSSLContext {
    let context = try OpenSSLContext(server: true, minVersion: settings.minVersion)
    try context.setCiphers(settings.ciphers, suites: settings.cipherSuites, groups: settings.groups)
    for certificate in certificates { try use(certificate, in: context) }
    ServerCallbacks.install(in: context)
    try setClientAuth(settings, in: context)
    return context
  }

  private static func use(_ certificate: ParsedCertificate, in context: OpenSSLContext) throws(TLSError) {
    let path = certificate.loaded.certificatePath
    guard SSL_CTX_use_certificate(context.pointer, certificate.chain.leaf) == 1,
      SSL_CTX_use_PrivateKey(context.pointer, certificate.key.pointer) == 1
    else { throw .openSSL("OpenSSL refuses the certificate", path: path) }
    for issuer in certificate.chain.certificates.dropFirst() {
      guard shim_SSL_CTX_add1_chain_cert(context.pointer, issuer) == 1 else {
        throw .openSSL("OpenSSL refuses a certificate of the chain", path: path)
      }
    }
  }

  private static func setClientAuth(_ settings: TLSServerSettings, in context: OpenSSLContext) throws(TLSError) {
    // Tickets of listeners that share keys are told apart by this, so a ticket from a listener without mTLS opens nothing here.
    var scope: [UInt8] = [settings.clientAuth == .none ? 0 : 1]
    guard SSL_CTX_set_session_id_context(context.pointer, &scope, 1) == 1 else {
      throw .openSSL("no session id context")
    }
    guard settings.clientAuth != .none else {
      // One, not OpenSSL's two: a client talks HTTP/2 on one connection, each resumption brings the next ticket, and the second
      // one costs both ends together 20 us of a 440 us handshake.
      SSL_CTX_set_num_tickets(context.pointer, 1)
      return
    }
    guard let anchors = settings.clientCA else {
      throw TLSError(
        "client certificates are asked for, but no client CA is configured", advice: "Name a PEM file with the CA")
    }
    let chain = try CertificateChain(pem: anchors.pem, path: anchors.path)
    try context.trust(chain)
    for certificate in chain.certificates { SSL_CTX_add_client_CA(context.pointer, certificate) }
    let mode = SSL_VERIFY_PEER | (settings.clientAuth == .require ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0)
    SSL_CTX_set_verify(context.pointer, mode, nil)
    // No resumption at all: a ticket would carry yesterday's verification past an expired certificate or a replaced CA.
    SSL_CTX_set_options(context.pointer, shim_SSL_OP_NO_TICKET)
    SSL_CTX_set_num_tickets(context.pointer, 0)
  }
}
