/// The bounds that all latency histograms share: 64 us, 96 us, 128 us, 192 us, … 67.1 s, and infinity.
///
/// Two bounds per power of two keep the error of a quantile under a quarter, and make the bucket of a value a count of
/// leading zeros instead of a search. Bounds are inclusive, as Prometheus wants them: a bucket is `(lower, upper]`.
@frozen
public enum LatencyBuckets {
  @usableFromInline static let firstPower = 6  // 2^6 us = 64 us; a proxy on a good day is not worth splitting further.
  @usableFromInline static let lastPower = 26  // 2^26 us = 67 s; longer than any default timeout.

  /// The bucket of 64 us, two per power of two above it, and the one of everything else.
  public static let count = 1 + 2 * (lastPower - firstPower) + 1

  /// The bucket that `us` belongs to, 0 to `count - 1`.
  @inlinable @inline(__always)
  public static func index(us: UInt64) -> Int {
    // Minus one makes the upper bound inclusive; clamping folds both ends into the formula instead of into branches.
    let value = min(max(us, 64) &- 1, 1 << 26)
    let power = 63 &- value.leadingZeroBitCount
    let half = Int(truncatingIfNeeded: value >> UInt64(truncatingIfNeeded: power &- 1)) & 1
    return 2 &* (power &- 6) &+ half &+ 1
  }

  /// The inclusive upper bound of a bucket, nil for the last, which has none.
  public static func upperBoundUs(_ index: Int) -> UInt64? {
    guard index < count - 1 else { return nil }
    let power = firstPower + index / 2
    let base = UInt64(1) << UInt64(power)
    return index % 2 == 0 ? base : base + base / 2
  }
}
