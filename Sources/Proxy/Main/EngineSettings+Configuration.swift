import Bytes
import Configuration
import HTTP
import ProxyEngine
import Router
import Sandbox
import TLS
import Telemetry

// The one place where the user's words become each module's own values.

extension EngineSettings {
  init(_ configuration: Configuration) {
    self.init()
    let limits = configuration.limits
    head = HeadLimits(requestLineBytes: limits.requestLineBytes, headBytes: limits.headBytes, fields: limits.headFields)
    bodyBytesMax = UInt64(limits.bodyBytes ?? 0)
    streamsPerConnection = UInt32(limits.streamsPerConnection)
    connectionsMax = limits.connections.map { ($0 + configuration.workers - 1) / configuration.workers } ?? 0
    idleUpstreamsPerKey = limits.idleUpstreamPerKey
    idleUpstreamsMax = limits.idleUpstream
    let times = configuration.timeouts
    handshakeMs = UInt64(times.handshakeMs)
    requestHeadMs = UInt64(times.requestHeadMs)
    requestBodyIdleMs = UInt64(times.requestBodyIdleMs)
    keepAliveIdleMs = UInt64(times.keepAliveIdleMs)
    dialMs = UInt64(times.dialMs)
    dialRetryMs = UInt64(times.dialRetryMs)
    responseHeadMs = times.responseHeadMs.map(UInt64.init) ?? EngineSettings.never
    streamIdleMs = times.streamIdleMs.map(UInt64.init) ?? EngineSettings.never
    upstreamIdleMs = UInt64(times.upstreamIdleMs)
    drainMs = UInt64(times.drainMs)
    hsts = configuration.tlsOptions.hsts?.headerValue ?? ""
    writesAccessLog = configuration.log.access != .off
  }

  /// Ten years: a deadline that is never met.
  private static let never: UInt64 = 315_360_000_000
}

extension ListenerSettings {
  init(_ kind: Kind, _ address: SocketAddress, _ proxyProtocol: Bool, _ configuration: Configuration) {
    self.init(kind: kind, address: address)
    self.proxyProtocol = proxyProtocol
    trustedProxies = configuration.listen.trustedProxies
    proxyProtocolPeers = configuration.listen.proxyProtocolPeers
  }
}

extension UpstreamTarget {
  convenience init(_ route: Configuration.Route) {
    self.init(
      generation: Generation.next(), sandboxID: "", endpoint: route.upstream.endpoint, hostPolicy: route.hostHeader,
      upstreamProtocol: route.upstream.upstreamProtocol, tlsServerName: route.upstream.host, isGateway: true)
  }
}

extension TLSServerSettings {
  init(
    _ configuration: Configuration, _ listener: Configuration.HTTPSListener, _ certificates: [LoadedCertificate],
    _ tickets: TicketKeys
  ) throws(TLSError) {
    self.init(certificates: certificates, tickets: tickets)
    switch configuration.tlsOptions.minVersion {
    case .tls12: minVersion = .tls12
    case .tls13: minVersion = .tls13
    }
    if let ciphers = configuration.tlsOptions.ciphers { self.ciphers = ciphers }
    if let clients = listener.clientCertificates {
      clientAuth = clients.mode == .require ? .require : .optional
      clientCA = try TrustAnchors.load(clients.caFile)
    }
  }
}

extension AccessLogFormat {
  init?(_ format: Configuration.Log.AccessFormat) {
    switch format {
    case .off: return nil
    case .json: self = .json
    case .common: self = .common
    }
  }
}

extension AccessLogOutput {
  init(_ file: Configuration.Log.AccessFile) {
    switch file {
    case .standardOutput: self = .descriptor(1)
    case .path(let path): self = .file(path: path)
    }
  }
}
