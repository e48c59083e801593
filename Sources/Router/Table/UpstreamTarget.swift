public import Sandbox

/// Everything the data plane needs to reach and to treat one upstream. Immutable, and shared between workers.
///
/// One target serves all ports of a sandbox that are treated alike: the port travels beside it in the decision.
public final class UpstreamTarget: Sendable {
  /// Unique per sandbox and start, never reused in a process: connections are pooled by it and by the port.
  public let generation: UInt64
  /// Empty for gateway routes. For logs.
  public let sandboxID: String
  /// May leave the port open (TCP port 0, `{port}` in a path): `endpoint.resolved(port:)` is what to dial.
  public let endpoint: Endpoint
  public let hostPolicy: HostPolicy
  public let upstreamProtocol: UpstreamProtocol
  /// For https upstreams: the name in SNI that the certificate has to be good for. Empty where nothing is verified,
  /// as inside a sandbox, whose certificate nobody signed.
  public let tlsServerName: String
  public let isGateway: Bool
  /// Traffic is activity that keeps the sandbox from idling.
  public let countsAsActivity: Bool

  public init(
    generation: UInt64, sandboxID: String, endpoint: Endpoint, hostPolicy: HostPolicy = .public,
    upstreamProtocol: UpstreamProtocol = .http1, tlsServerName: String = "", isGateway: Bool = false,
    countsAsActivity: Bool = true
  ) {
    self.generation = generation
    self.sandboxID = sandboxID
    self.endpoint = endpoint
    self.hostPolicy = hostPolicy
    self.upstreamProtocol = upstreamProtocol
    self.tlsServerName = tlsServerName
    self.isGateway = isGateway
    self.countsAsActivity = countsAsActivity
  }

  /// A plain route's upstream, under a generation of its own.
  public static func gateway(
    to endpoint: Endpoint, hostPolicy: HostPolicy = .public, upstreamProtocol: UpstreamProtocol = .http1,
    tlsServerName: String = ""
  ) -> UpstreamTarget {
    UpstreamTarget(
      generation: Generation.next(), sandboxID: "", endpoint: endpoint, hostPolicy: hostPolicy,
      upstreamProtocol: upstreamProtocol, tlsServerName: tlsServerName, isGateway: true)
  }
}
