public import Bytes
import Settings

extension Configuration {
  /// Where Porthole accepts connections, and whom it believes.
  public struct Listen: Sendable, Equatable {
    /// Default: 127.0.0.1:8443.
    public var https: [HTTPSListener]
    /// Plain listeners that redirect to https. Default: none.
    public var http: [SocketAddress]
    /// The control API, the dashboard, metrics and health. Default: none; nothing listens that nobody asked for.
    public var api: SocketAddress?
    /// Connections to `http` begin with a PROXY header, and so do those to `https` entries that do not say otherwise
    /// (each entry carries its own answer). Default: false.
    public var proxyProtocol: Bool
    /// Peers whose `X-Forwarded-*` headers are kept. Default: none.
    public var trustedProxies: [CIDR]
    /// Peers that may speak the PROXY protocol: `trustedProxies` where the key is given, else this machine alone.
    public var proxyProtocolPeers: [CIDR]

    public init(
      https: [HTTPSListener] = [HTTPSListener(address: SocketAddress(ip: IPAddress(v4: 0x7F00_0001), port: 8443))],
      http: [SocketAddress] = [],
      api: SocketAddress? = nil,
      proxyProtocol: Bool = false,
      trustedProxies: [CIDR]? = nil
    ) {
      self.https = https
      self.http = http
      self.api = api
      self.proxyProtocol = proxyProtocol
      self.trustedProxies = trustedProxies ?? []
      self.proxyProtocolPeers = trustedProxies ?? Listen.thisMachine
    }

    static let thisMachine = [CIDR("127.0.0.0/8")!, CIDR("::1/128")!]
  }

  /// One TLS listener.
  public struct HTTPSListener: Sendable, Equatable {
    public var address: SocketAddress
    /// Client certificates (mTLS). Default: none are asked for.
    public var clientCertificates: ClientCertificates?
    /// Default: `listen.proxyProtocol`.
    public var proxyProtocol: Bool

    public init(address: SocketAddress, clientCertificates: ClientCertificates? = nil, proxyProtocol: Bool = false) {
      self.address = address
      self.clientCertificates = clientCertificates
      self.proxyProtocol = proxyProtocol
    }
  }

  /// Which client certificates a listener takes.
  public struct ClientCertificates: Sendable, Equatable {
    public enum Mode: String, Sendable, CaseIterable {
      /// The handshake fails without a valid one.
      case require
      /// A client may have none, but one that it has must be valid.
      case optional
    }

    /// The absolute path of a PEM file with the authorities that may sign them.
    public var caFile: String
    public var mode: Mode

    public init(caFile: String, mode: Mode = .require) {
      self.caFile = caFile
      self.mode = mode
    }
  }
}

extension Configuration.Listen {
  init(_ field: Field) {
    self.init()
    guard field.isSection("{https: [\"127.0.0.1:8443\"]}") else { return }
    proxyProtocol = field["proxyProtocol"].flag() ?? false
    readTrustedProxies(field["trustedProxies"])

    var taken: [SocketAddress: String] = [:]
    func claim(_ address: SocketAddress, _ item: Field) {
      // Port 0 asks the kernel for any free port, so several of them never meet.
      if address.port == 0 { return }
      if let other = taken[address] { item.refuse("\(address) is already taken by \(other)") }
      taken[address] = item.path
    }

    if let items = field["https"].items("[\"127.0.0.1:8443\"]") {
      if items.isEmpty { field["https"].refuse(expected: "at least one address such as [\"127.0.0.1:8443\"]") }
      https = items.compactMap { item in
        guard let listener = Configuration.HTTPSListener(item, proxyProtocol: proxyProtocol) else { return nil }
        claim(listener.address, item)
        return listener
      }
    }
    http = (field["http"].items("[\"127.0.0.1:8080\"]") ?? []).compactMap { item in
      guard let address = item.address() else { return nil }
      claim(address, item)
      return address
    }
    if let address = field["api"].address() {
      claim(address, field["api"])
      api = address
    }
    if proxyProtocolPeers.isEmpty, proxyProtocol || https.contains(where: \.proxyProtocol) {
      field["trustedProxies"].refuse(
        "proxyProtocol is on, but nobody is trusted to speak it; list the load balancer's addresses, such as [10.0.0.0/8]"
      )
    }
  }

  private mutating func readTrustedProxies(_ field: Field) {
    guard let items = field.items("[10.0.0.0/8]") else { return }
    trustedProxies = items.compactMap { item in
      let expected = "an address or a block such as 10.0.0.0/8 or 2001:db8::/32"
      guard let text = item.word(expected) else { return nil }
      if let block = CIDR(text) { return block }
      item.refuse(expected: expected)
      return nil
    }
    proxyProtocolPeers = trustedProxies
  }
}

extension Configuration.HTTPSListener {
  /// `"127.0.0.1:8443"`, or the long form. Nil where no address could be read.
  fileprivate init?(_ field: Field, proxyProtocol: Bool) {
    guard field.isMapping else {
      guard let address = field.address() else {
        if !field.isGiven { field.refuse(expected: "an address and port such as \"127.0.0.1:8443\"") }
        return nil
      }
      self.init(address: address, proxyProtocol: proxyProtocol)
      return
    }
    let mode = field["clientAuth"].choice(Configuration.ClientCertificates.Mode.self)
    let caFile = field["clientCA"].file("the client certificate authority")
    if field["clientAuth"].isGiven, !field["clientCA"].isGiven {
      field["clientCA"].require("clientAuth needs the authority that signs client certificates")
    }
    let ownProxyProtocol = field["proxyProtocol"].flag()
    guard let address = field["address"].address() else {
      if !field["address"].isGiven { field["address"].require("an address and port such as \"127.0.0.1:8443\"") }
      return nil
    }
    self.init(
      address: address,
      clientCertificates: caFile.map { Configuration.ClientCertificates(caFile: $0, mode: mode ?? .require) },
      proxyProtocol: ownProxyProtocol ?? proxyProtocol)
  }
}
