/// What a runner tells without being asked, through the function that `SandboxRunner.start` was given.
public enum RunnerEvent: Hashable, Sendable {
  /// A sandbox that nobody asked for is there, or is different: the static runner's list changed.
  case listed(ListedSandbox)
  /// One that was listed is gone for good.
  case unlisted(SandboxID)
  /// It ended by itself: the guest shut down, or was killed. The text says what is known.
  case ended(SandboxID, reason: String)
  /// It runs no more and may be started again.
  case failed(SandboxID, reason: String)
  /// Its ports are found elsewhere from now on; what is open to the old place is cut.
  case moved(SandboxID, SandboxAddress)
  case portOpened(SandboxID, port: UInt16)
  case portClosed(SandboxID, port: UInt16)
}

/// A sandbox that exists without Porthole's doing.
public struct ListedSandbox: Hashable, Sendable {
  public var id: SandboxID
  public var address: SandboxAddress
  public var ingress: Ingress
  /// Ports that are exposed by whoever listed it. They cannot be closed by the API.
  public var exposures: [Exposure]

  public init(id: SandboxID, address: SandboxAddress, ingress: Ingress = Ingress(), exposures: [Exposure] = []) {
    self.id = id
    self.address = address
    self.ingress = ingress
    self.exposures = exposures
  }
}

/// What the store knows of a sandbox when Porthole starts.
public struct KnownSandbox: Hashable, Sendable {
  public var id: SandboxID
  public var state: SandboxState
  public var spec: SandboxSpec
  /// Where it was reached last.
  public var address: SandboxAddress

  public init(id: SandboxID, state: SandboxState, spec: SandboxSpec, address: SandboxAddress) {
    self.id = id
    self.state = state
    self.spec = spec
    self.address = address
  }
}

/// What a runner found of a known sandbox after a restart.
public enum RunnerFinding: Hashable, Sendable {
  case running(SandboxAddress)
  case paused(SandboxAddress)
  case hibernated
  /// It is not there any more. The text says what is known.
  case gone(reason: String)
}
