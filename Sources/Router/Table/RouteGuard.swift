internal import Bytes
public import Sandbox

/// What stands before a sandbox's port: its state, and what has to be asked of a request. A view into the table, valid
/// while the table is kept.
public struct RouteGuard {
  let entry: RouteEntry
  /// Place among the exposures; -1 for a port of open ingress that nobody exposed.
  let index: Int
  public let port: UInt16

  @inline(__always)
  init(entry: RouteEntry, index: Int, port: UInt16) {
    self.entry = entry
    self.index = index
    self.port = port
  }

  public var state: SandboxState { entry.state }
  public var generation: UInt64 { entry.generation }
  public var id: UnsafeBufferPointer<UInt8> { entry.key }

  public var target: Unmanaged<UpstreamTarget> {
    // An entry without exposures has no index but -1, and only open ones give that: they have a target for any port.
    index >= 0 ? entry.targets[index] : entry.anyTarget.unsafelyUnwrapped
  }

  public var needsToken: Bool { index >= 0 && entry.flags[index] & RouteEntry.needsToken != 0 }

  /// Whether a request may resume the sandbox.
  public var wakes: Bool {
    index >= 0 ? entry.flags[index] & RouteEntry.wakes != 0 : entry.header.pointee.wakesWhenOpen
  }

  public var policy: Unmanaged<ExposurePolicy>? { index >= 0 ? entry.policies[index] : nil }

  /// `Exposure.nonce`; 0 where nothing was exposed.
  public var nonce: UInt64 { index >= 0 ? entry.nonces[index] : 0 }

  /// What tokens and passes are checked against; nil where the sandbox has no token.
  public var credential: (tokenHash: UnsafePointer<UInt8>, epoch: UInt64)? {
    entry.credential.map { (UnsafePointer($0.baseAddress!), entry.epoch) }
  }

  /// Past its `ttl`. The control side closes such exposures; until it has, they are refused here.
  public func hasExpired(nowMs: UInt64) -> Bool {
    policy.map { $0._withUnsafeGuaranteedRef { $0.expiresAtMs <= nowMs } } ?? false
  }
}

extension RouteTable {
  /// What answers on a port of a sandbox now; nil if nothing does. For requests that were decided on before.
  public func find(sandbox id: UnsafeBufferPointer<UInt8>, port: UInt16) -> RouteGuard? {
    guard let entry = sandboxes.find(id), let index = entry.index(port: port) else { return nil }
    return RouteGuard(entry: entry, index: index, port: port)
  }

  public func find(sandbox id: String, port: UInt16) -> RouteGuard? {
    var id = id
    return id.withUTF8 { find(sandbox: $0, port: port) }
  }

  /// The state of a sandbox; nil if there is none of that id.
  public func state(of id: SandboxID) -> SandboxState? {
    var id = id.text
    return id.withUTF8 { sandboxes.find($0)?.state }
  }
}
