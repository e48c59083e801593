/// Whether clients show certificates (mTLS).
public enum ClientAuth: Sendable {
  case none
  /// Asked for; a client without one is served, one with a bad one is not.
  case optional
  case require
}

/// PEM certificates to verify peers against, with the file they came from for messages.
public struct TrustAnchors: Sendable {
  public let pem: [UInt8]
  public let path: String

  public init(pem: [UInt8], path: String) {
    self.pem = pem
    self.path = path
  }

  public static func load(_ path: String) throws(TLSError) -> TrustAnchors {
    TrustAnchors(pem: try FileBytes.read(path, what: "CA certificate"), path: path)
  }
}

/// All that one TLS listener needs, as values that any thread may hold. Each worker builds its own `TLSContext` from it.
public struct TLSServerSettings: Sendable {
  /// The first is served to clients that name no host, or one that no certificate covers.
  public var certificates: [LoadedCertificate]
  public var tickets: TicketKeys
  public var minVersion = TLSVersion.tls12
  /// TLS 1.2, in OpenSSL's syntax.
  public var ciphers = TLSDefaults.ciphers
  /// TLS 1.3.
  public var cipherSuites = TLSDefaults.cipherSuites
  public var groups = TLSDefaults.groups
  public var offersHTTP2 = true
  public var clientAuth = ClientAuth.none
  public var clientCA: TrustAnchors?

  public init(certificates: [LoadedCertificate], tickets: TicketKeys) {
    self.certificates = certificates
    self.tickets = tickets
  }
}
