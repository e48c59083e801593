/// What a new sandbox shall be, as far as a runner is concerned. Names, timeouts and ingress are the control plane's.
public struct SandboxSpec: Hashable, Sendable {
  /// As the user wrote it: `python:3.12-slim`. What it means is the runner's business.
  public var image: String
  /// Virtual CPUs.
  public var vcpus: Int
  /// Memory in MiB.
  public var memMiB: Int
  /// Scratch disk in MiB; wiped when the sandbox ends.
  public var diskMiB: Int
  /// A name from `SandboxRunner.networkProfiles()`; nil for the runner's default.
  public var networkProfile: String?
  /// Environment of what runs inside.
  public var env: [String: String]

  public init(
    image: String, vcpus: Int = 1, memMiB: Int = 1024, diskMiB: Int = 4096, networkProfile: String? = nil,
    env: [String: String] = [:]
  ) {
    self.image = image
    self.vcpus = vcpus
    self.memMiB = memMiB
    self.diskMiB = diskMiB
    self.networkProfile = networkProfile
    self.env = env
  }
}

/// Measured consumption, since the sandbox was made.
public struct SandboxUsage: Hashable, Sendable {
  /// CPU time in milliseconds.
  public var cpuMs: UInt64
  /// The most memory in use at once, in bytes.
  public var memPeakBytes: UInt64
  /// Time in state `running`, in milliseconds; nil where the runner leaves counting to the control plane.
  public var uptimeMs: UInt64?

  public init(cpuMs: UInt64 = 0, memPeakBytes: UInt64 = 0, uptimeMs: UInt64? = nil) {
    self.cpuMs = cpuMs
    self.memPeakBytes = memPeakBytes
    self.uptimeMs = uptimeMs
  }
}

/// What a runner keeps of a snapshot.
public struct SnapshotInfo: Hashable, Sendable {
  /// On disk, in bytes.
  public var sizeBytes: UInt64
  /// What the sandbox was made from.
  public var spec: SandboxSpec

  public init(sizeBytes: UInt64, spec: SandboxSpec) {
    self.sizeBytes = sizeBytes
    self.spec = spec
  }
}

/// A named set of rules for what a sandbox may reach.
public struct NetworkProfile: Hashable, Sendable {
  public var name: String
  public var description: String?
  /// Host names, CIDRs or ports, in the runner's notation.
  public var allow: [String]
  public var deny: [String]

  public init(name: String, description: String? = nil, allow: [String] = [], deny: [String] = []) {
    self.name = name
    self.description = description
    self.allow = allow
    self.deny = deny
  }
}
