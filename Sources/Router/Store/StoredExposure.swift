public import Sandbox

/// An exposed port as the store keeps it. `exposure.links` is empty here: links have rows of their own.
public struct StoredExposure: Hashable, Sendable {
  public var sandbox: SandboxID
  public var exposure: Exposure
  public var createdAtMs: UInt64
  public var firstRequestAtMs: UInt64?

  public init(sandbox: SandboxID, exposure: Exposure, createdAtMs: UInt64, firstRequestAtMs: UInt64? = nil) {
    self.sandbox = sandbox
    self.exposure = exposure
    self.createdAtMs = createdAtMs
    self.firstRequestAtMs = firstRequestAtMs
  }
}

/// A share link. It goes with its exposure.
public struct StoredLink: Hashable, Sendable {
  public var sandbox: SandboxID
  public var port: UInt16
  public var link: ShareLink
  public var name: String?
  public var createdAtMs: UInt64
  public var lastUsedAtMs: UInt64?
  /// A single-use link: when it was used.
  public var redeemedAtMs: UInt64?

  public init(
    sandbox: SandboxID, port: UInt16, link: ShareLink, name: String? = nil, createdAtMs: UInt64,
    lastUsedAtMs: UInt64? = nil, redeemedAtMs: UInt64? = nil
  ) {
    self.sandbox = sandbox
    self.port = port
    self.link = link
    self.name = name
    self.createdAtMs = createdAtMs
    self.lastUsedAtMs = lastUsedAtMs
    self.redeemedAtMs = redeemedAtMs
  }
}
