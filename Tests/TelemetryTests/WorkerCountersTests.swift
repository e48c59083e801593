import Testing

@testable import Telemetry

@Suite struct WorkerCountersTests {
  @Test func aMetricCountsInItsOwnCellOnly() {
    let counters = WorkerCounters(refusalWords: ["a/b", "c/d"])
    for (place, metric) in Metric.allCases.enumerated() { counters.add(metric, UInt64(place + 1)) }
    counters.countRefusal(0)
    counters.countRefusal(1)
    counters.countRefusal(1)
    for (place, metric) in Metric.allCases.enumerated() { #expect(counters.value(of: metric) == UInt64(place + 1)) }
    #expect(counters.refusals(0) == 1)
    #expect(counters.refusals(1) == 2)
    for latency in Latency.allCases { #expect(counters.histogram(latency).buckets.allSatisfy { $0 == 0 }) }
  }

  @Test func aGaugeGoesDownAgain() {
    let counters = WorkerCounters()
    counters.increment(.tunnelsOpen)
    counters.increment(.tunnelsOpen)
    counters.decrement(.tunnelsOpen)
    #expect(counters.value(of: .tunnelsOpen) == 1)
    counters.set(.tunnelsOpen, to: 7)
    #expect(counters.value(of: .tunnelsOpen) == 7)
  }

  @Test func aLatencyIsCountedAndSummed() {
    let counters = WorkerCounters(refusalWords: ["a/b"])
    for latency in Latency.allCases { counters.record(latency, us: 100 * UInt64(latency.rawValue + 1)) }
    for latency in Latency.allCases {
      let us = 100 * UInt64(latency.rawValue + 1)
      let (buckets, sum) = counters.histogram(latency)
      #expect(buckets[LatencyBuckets.index(us: us)] == 1)
      #expect(buckets.reduce(0, +) == 1)
      #expect(sum == us)
    }
  }

  @Test(
    arguments: [
      (101, Metric.responses1xx), (200, .responses2xx), (299, .responses2xx), (304, .responses3xx),
      (404, .responses4xx), (499, .responses4xx), (500, .responses5xx), (999, .responses5xx),
    ] as [(UInt16, Metric)])
  func aStatusCountsInItsClass(status: UInt16, metric: Metric) {
    #expect(Metric.response(status: status) == metric)
  }

  @Test func everyMetricIsShownExactlyOnce() {
    let shown = MetricFamily.all.flatMap { $0.cells.map(\.metric) }
    #expect(shown.count == Metric.allCases.count)
    #expect(Set(shown) == Set(Metric.allCases))
  }
}
