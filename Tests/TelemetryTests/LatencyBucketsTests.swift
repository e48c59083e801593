import Testing

@testable import Telemetry

@Suite struct LatencyBucketsTests {
  @Test func everyBoundIsTheLastValueOfItsBucket() {
    for index in 0..<LatencyBuckets.count - 1 {
      let bound = LatencyBuckets.upperBoundUs(index)!
      #expect(LatencyBuckets.index(us: bound) == index)
      #expect(LatencyBuckets.index(us: bound + 1) == index + 1)
    }
    #expect(LatencyBuckets.upperBoundUs(LatencyBuckets.count - 1) == nil)
  }

  @Test(arguments: [
    (0, 0, "nothing is still something"), (1, 0, "1 us"), (64, 0, "the first bound"), (65, 1, "beyond it"),
    (96, 1, "half way to the next power"), (97, 2, "beyond it"), (128, 2, "a power of two"),
    (67_108_864, 40, "the last bound"), (67_108_865, 41, "infinity"), (UInt64.max, 41, "the largest value"),
  ])
  func valuesGoToTheirBucket(us: UInt64, index: Int, why: Comment) {
    #expect(LatencyBuckets.index(us: us) == index, why)
  }

  @Test func boundsRiseAndReachFromATenthOfAMillisecondToAMinute() {
    let bounds = (0..<LatencyBuckets.count - 1).map { LatencyBuckets.upperBoundUs($0)! }
    #expect(bounds == bounds.sorted())
    #expect(bounds.first! <= 100)
    #expect(bounds.last! >= 60_000_000)
  }
}
