/// What the control plane has to be told. The defaults are those of the contract.
public struct ControlSettings: Sendable {
  /// Suffixes below which previews live; the first is the one in URLs that are made here. May be empty in a process
  /// that has gateways only.
  public var domains: [String]
  /// The port of https in URLs that are made here, as clients reach it.
  public var httpsPort: UInt16
  /// The image of sandboxes whose maker names none.
  public var image = "default"

  // How long a runner may take for a verb.
  public var createTimeout = Duration.seconds(120)
  public var resumeTimeout = Duration.seconds(60)
  public var pauseTimeout = Duration.seconds(30)
  public var hibernateTimeout = Duration.seconds(120)
  public var destroyTimeout = Duration.seconds(30)
  public var copyTimeout = Duration.seconds(300)
  /// For everything inside a sandbox that has no timeout of its own: files, lists of processes.
  public var insideTimeout = Duration.seconds(300)
  /// How long a runner may ignore its deadline before it is no longer waited for.
  public var graceMs: UInt64 = 5_000

  /// Of a `browserUrl`, in seconds.
  public var grantSeconds: UInt64 = 3_600
  /// Sealing keys: a new one every week, known for 60 days.
  public var keyRotationMs: UInt64 = 7 * 86_400_000
  public var keyLifetimeMs: UInt64 = 60 * 86_400_000

  /// Of a JSON body, in bytes.
  public var bodyBytesMax = 1_048_576
  /// Of standard output and of standard error of a command, each, in bytes.
  public var outputBytesMax = 8 * 1_048_576
  public var exposuresPerSandboxMax = 1_024
  public var linksPerExposureMax = 1_000
  public var eventsKept = 100_000
  /// How long an `Idempotency-Key` is remembered.
  public var answersKeptMs: UInt64 = 86_400_000
  /// Exposures with an end that are kept in mind; the next are read when those have ended.
  public var expiriesKept = 10_000

  public init(domains: [String], httpsPort: UInt16 = 443) {
    self.domains = domains
    self.httpsPort = httpsPort
  }
}
