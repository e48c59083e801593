internal import Synchronization

/// Numbers for "this sandbox, this start". Connection pools are keyed by them, so that an address that was recycled
/// can never carry one tenant's request to another.
///
/// Unique in the process and never reused; gateways draw from the same numbers. 0 is never given out.
public enum Generation {
  private static let last = Atomic<UInt64>(0)

  public static func next() -> UInt64 {
    // Only uniqueness is asked for: nothing else is published together with the number.
    last.wrappingAdd(1, ordering: .relaxed).newValue
  }
}
