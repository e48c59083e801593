import Glibc
import Testing

@testable import Telemetry

@Suite struct CivilTimeTests {
  @Test func theCalendarIsThatOfTheSystem() {
    var random = SeededGenerator(seed: 7)
    let edges: [UInt64] = [0, 951_782_399, 951_782_400, 951_868_800, 4_102_444_799, 4_107_542_399, 4_107_542_400]
    let seconds = edges + (0..<2_000).map { _ in UInt64.random(in: 0..<10_000_000_000, using: &random) }
    for second in seconds {
      var time = time_t(second)
      var parts = tm()
      gmtime_r(&time, &parts)
      let ours = CivilTime(secondsSinceEpoch: second)
      #expect(
        ours.year == Int(parts.tm_year) + 1900 && ours.month == Int(parts.tm_mon) + 1 && ours.day == Int(parts.tm_mday))
      #expect(ours.hour == Int(parts.tm_hour) && ours.minute == Int(parts.tm_min) && ours.second == Int(parts.tm_sec))
    }
  }
}
