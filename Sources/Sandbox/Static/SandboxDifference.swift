public import Sandbox

/// What a reload changed. Sandboxes that stayed as they were are in none of the lists: their generation, and with it
/// their open connections, live on.
public struct SandboxDifference: Equatable, Sendable {
  public var added: [SandboxRecord] = []
  /// As they are now, under a fresh generation.
  public var changed: [SandboxRecord] = []
  public var removed: [SandboxID] = []

  public init(added: [SandboxRecord] = [], changed: [SandboxRecord] = [], removed: [SandboxID] = []) {
    self.added = added
    self.changed = changed
    self.removed = removed
  }

  public var isEmpty: Bool { added.isEmpty && changed.isEmpty && removed.isEmpty }
}
