internal import Glibc

/// A moment in UTC as a calendar shows it. No time zones, no locale, no allocation.
struct CivilTime: Equatable {
  var year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int

  /// Days are counted from 0000-03-01, so that the leap day is the last of its year (Hinnant, "chrono-compatible
  /// low-level date algorithms").
  init(secondsSinceEpoch: UInt64) {
    let secondOfDay = Int(secondsSinceEpoch % 86_400)
    let days = Int(secondsSinceEpoch / 86_400) + 719_468
    let era = days / 146_097
    let dayOfEra = days % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    hour = secondOfDay / 3_600
    minute = secondOfDay / 60 % 60
    second = secondOfDay % 60
  }
}

/// The clocks that telemetry reads.
enum Clock {
  static func realtimeNs() -> UInt64 { now(CLOCK_REALTIME) }
  static func monotonicNs() -> UInt64 { now(CLOCK_MONOTONIC) }

  private static func now(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
