public import Bytes

/// All that the data plane is told about one sandbox.
public struct SandboxRecord: Hashable, Sendable {
  public var id: SandboxID
  /// From `Generation.next()` at every start, resume and restore, and whenever `address` or an upstream changes. Kept
  /// when only exposures or credentials change: connections live on.
  public var generation: UInt64
  public var state: SandboxState
  public var address: SandboxAddress
  public var ingress: Ingress
  /// At most one per port. In `open` mode they only say how a port is treated, not whether it answers.
  public var exposures: [Exposure]
  /// What opens ports with `auth: token`; nil where no token was ever made.
  public var credential: SandboxCredential?
  /// The runner's own ports (its agent, say), which never answer whatever the ingress says.
  public var reservedPorts: Set<UInt16>

  public init(
    id: SandboxID, generation: UInt64, state: SandboxState = .running, address: SandboxAddress,
    ingress: Ingress = Ingress(), exposures: [Exposure] = [], credential: SandboxCredential? = nil,
    reservedPorts: Set<UInt16> = []
  ) {
    self.id = id
    self.generation = generation
    self.state = state
    self.address = address
    self.ingress = ingress
    self.exposures = exposures
    self.credential = credential
    self.reservedPorts = reservedPorts
  }
}

/// What a sandbox's token is checked against.
public struct SandboxCredential: Hashable, Sendable {
  /// SHA-256 of the token's text: 32 bytes.
  public var tokenHash: [UInt8]
  /// Random, new at every rotation; grants and cookies are bound to it, and so end with the token.
  public var epoch: UInt64

  public init(tokenHash: [UInt8], epoch: UInt64) {
    precondition(tokenHash.count == 32, "a token's hash has 32 bytes")
    self.tokenHash = tokenHash
    self.epoch = epoch
  }
}

/// Where the ports of one sandbox are found.
public enum SandboxAddress: Hashable, Sendable {
  /// Every port is the TCP port of the same number at this address.
  case ip(IPAddress)
  /// Every port is a Unix stream socket; `{port}` in the path stands for its number.
  case unix(template: String)
  /// Nowhere yet, or no more: a sandbox that is being made, sleeps on disk, or has ended.
  case none

  /// The endpoint of whichever port is asked for: TCP port 0, or a path that still has its `{port}`.
  /// `Endpoint.resolved(port:)` fills it in where it is dialled, so one value serves all ports of a sandbox.
  public var endpointOfAnyPort: Endpoint {
    switch self {
    case .ip(let ip): .tcp(SocketAddress(ip: ip, port: 0))
    case .unix(let template): .unix(path: template)
    // A name that nothing can listen under: dialling it is refused, whoever may do it by mistake.
    case .none: .unix(path: "")
    }
  }
}

extension SandboxAddress: CustomStringConvertible {
  public var description: String {
    switch self {
    case .ip(let ip): ip.description
    case .unix(let template): "unix:" + template
    case .none: "no address"
    }
  }
}
