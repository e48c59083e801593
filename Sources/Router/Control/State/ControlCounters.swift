/// What the control plane counts, to be read on its loop. Everything only ever grows.
public struct ControlCounters: Sendable {
  /// Calls by the status of their answer.
  public internal(set) var calls: [Int: UInt64] = [:]
  /// Sandboxes that a request woke, and those that would not wake.
  public internal(set) var wakes: UInt64 = 0
  public internal(set) var wakesFailed: UInt64 = 0
  /// Single-use links that were used, and those that somebody tried in vain.
  public internal(set) var redemptions: UInt64 = 0
  public internal(set) var redemptionsRefused: UInt64 = 0
  /// Events written, and refusals that were too many to write down.
  public internal(set) var events: UInt64 = 0
  public internal(set) var deniedUnwritten: UInt64 = 0
  /// Feeds that are open now.
  public internal(set) var subscribers: Int = 0
  /// Runner verbs that failed or took too long.
  public internal(set) var runnerFailures: UInt64 = 0

  public init() {}
}
