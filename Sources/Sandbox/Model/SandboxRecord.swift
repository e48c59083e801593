public import Bytes

/// What a runner says about one sandbox, and all that the data plane is told about it.
public struct SandboxRecord: Hashable, Sendable {
  public var id: SandboxID
  /// From `Generation.next()` at every start, resume and restore, and whenever `address` or an upstream changes.
  public var generation: UInt64
  public var state: SandboxState
  public var address: SandboxAddress
  public var ingress: Ingress
  /// At most one per port. In `open` mode they only say how a port is treated, not whether it answers.
  public var exposures: [Exposure]
  /// Whether a request may resume a sandbox that sleeps. For the lifecycle side; routing only says that it sleeps.
  public var wake: Bool

  public init(
    id: SandboxID, generation: UInt64, state: SandboxState = .running, address: SandboxAddress,
    ingress: Ingress = Ingress(), exposures: [Exposure] = [], wake: Bool = false
  ) {
    self.id = id
    self.generation = generation
    self.state = state
    self.address = address
    self.ingress = ingress
    self.exposures = exposures
    self.wake = wake
  }
}

/// Where the ports of one sandbox are found.
public enum SandboxAddress: Hashable, Sendable {
  /// Every port is the TCP port of the same number at this address.
  case ip(IPAddress)
  /// Every port is a Unix stream socket; `{port}` in the path stands for its number.
  case unix(template: String)

  /// The endpoint of whichever port is asked for: TCP port 0, or a path that still has its `{port}`.
  /// `Endpoint.resolved(port:)` fills it in where it is dialled, so one value serves all ports of a sandbox.
  public var endpointOfAnyPort: Endpoint {
    switch self {
    case .ip(let ip): .tcp(SocketAddress(ip: ip, port: 0))
    case .unix(let template): .unix(path: template)
    }
  }
}
