public import Sandbox

/// A sandbox as the store keeps it: all that has to survive a crash. Times are milliseconds since 1970.
public struct StoredSandbox: Hashable, Sendable {
  public var id: SandboxID
  public var name: String?
  public var state: SandboxState
  public var spec: SandboxSpec
  public var ingress: Ingress
  public var credential: SandboxCredential?
  /// Seconds without activity after which `onIdle` happens; nil for never.
  public var timeoutSec: Int?
  public var onIdle: IdleAction
  public var address: SandboxAddress
  /// How long making it took.
  public var createMs: Int
  public var createdAtMs: UInt64
  /// When it entered `running` last; nil while it does not run.
  public var runningSinceMs: UInt64?
  /// Time in `running` before that.
  public var ranMs: UInt64
  /// When it ended; nil while it lives. Such rows are kept: an id is never used twice.
  public var endedAtMs: UInt64?
  /// As measured last.
  public var usage: SandboxUsage
  /// Why it failed or ended, where that was not asked for.
  public var reason: String?

  public init(
    id: SandboxID, name: String? = nil, state: SandboxState = .creating, spec: SandboxSpec,
    ingress: Ingress = Ingress(),
    credential: SandboxCredential? = nil, timeoutSec: Int? = nil, onIdle: IdleAction = .destroy,
    address: SandboxAddress = .none, createMs: Int = 0, createdAtMs: UInt64, runningSinceMs: UInt64? = nil,
    ranMs: UInt64 = 0, endedAtMs: UInt64? = nil, usage: SandboxUsage = SandboxUsage(), reason: String? = nil
  ) {
    self.id = id
    self.name = name
    self.state = state
    self.spec = spec
    self.ingress = ingress
    self.credential = credential
    self.timeoutSec = timeoutSec
    self.onIdle = onIdle
    self.address = address
    self.createMs = createMs
    self.createdAtMs = createdAtMs
    self.runningSinceMs = runningSinceMs
    self.ranMs = ranMs
    self.endedAtMs = endedAtMs
    self.usage = usage
    self.reason = reason
  }
}

/// What happens to a sandbox that nobody has used for its timeout.
public enum IdleAction: String, Hashable, Sendable, CaseIterable {
  case destroy, pause, hibernate
}
