/// Where a sandbox is in its life. The data plane only asks whether it may forward.
public enum SandboxState: String, Hashable, Sendable, CaseIterable {
  case creating, running, pausing, paused, hibernating, hibernated, resuming, terminating, terminated, failed
}
