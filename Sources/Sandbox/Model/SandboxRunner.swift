/// Where sandboxes come from. Porthole asks a runner which there are and how a port of one is reached; nobody outside
/// the runner's own folder may tell by name which runner is in use.
///
/// This is the part that serving needs. The verbs of the control API (create, exec, pause, …) join it together with
/// that API; until a runner can do them it says so by leaving them out of `capabilities`.
public protocol SandboxRunner: Sendable {
  /// The word in the configuration: `static`, `kvm`.
  var kind: String { get }

  /// What can be asked of this runner beyond listing and reaching its sandboxes.
  var capabilities: Set<RunnerCapability> { get }

  /// Ports that no exposure may take, such as that of the runner's agent inside the sandbox.
  var reservedPorts: Set<UInt16> { get }

  /// Every sandbox there is now, in no order. A record is a value: later changes do not reach it.
  func sandboxes() -> [SandboxRecord]

  /// How to reach `port` of a sandbox, ready to dial; nil for a sandbox that the runner does not have.
  /// Whether anybody may go there (ingress, exposures, credentials) is not the runner's business.
  func endpoint(of id: SandboxID, port: UInt16) -> Endpoint?
}

/// A verb that a runner may or may not be able to do. The raw value is the word that a 501 answer names.
public enum RunnerCapability: String, Hashable, Sendable, CaseIterable {
  /// Making sandboxes and ending them.
  case create
  /// Running commands and background processes.
  case exec
  /// Reading, writing and listing files.
  case files
  /// Stopping a sandbox with its memory kept, and going on.
  case pause
  /// Stopping a sandbox with its memory on disk.
  case hibernate
  /// Saving a sandbox and making others from what was saved.
  case snapshot
  /// Copying a running sandbox.
  case fork
  /// Counting CPU time and memory.
  case stats
}
