import Testing

@testable import Telemetry

@Suite struct PrometheusTextTests {
  static func everything(_ workers: [WorkerCounters]) -> PrometheusText {
    var text = PrometheusText()
    text.add(version: "1.2.3", commit: "abc")
    text.add(workers: workers)
    text.add(accessLog: AccessLogTotals(written: 10, dropped: 2))
    if let figures = ProcessFigures.current() { text.add(process: figures) }
    return text
  }

  @Test func theWholeExpositionIsWellFormed() throws {
    let workers = [WorkerCounters(refusalWords: ["dial/port-closed", "route/not-found"]), WorkerCounters()]
    workers[0].countRefusal(1)
    workers[0].add(.requestsHTTP2, 3)
    workers[1].increment(.openHTTPS)
    for us: UInt64 in [1, 64, 65, 1_000, 90_000_000] { workers[1].record(.request, us: us) }

    let read = try StrictExposition(PrometheusTextTests.everything(workers).bytes)
    #expect(
      read.value("porthole_refusals_total", ["worker": "0", "stage": "route", "error": "route/not-found"]) == 1)
    #expect(read.value("porthole_requests_total", ["worker": "0", "protocol": "h2"]) == 3)
    #expect(read.value("porthole_downstream_connections_open", ["worker": "1", "listener": "https"]) == 1)
    let name = "porthole_request_duration_seconds"
    #expect(read.value(name + "_bucket", ["worker": "1", "le": "0.000064"]) == 2)
    #expect(read.value(name + "_bucket", ["worker": "1", "le": "67.108864"]) == 4)
    #expect(read.value(name + "_bucket", ["worker": "1", "le": "+Inf"]) == 5)
    #expect(read.value(name + "_sum", ["worker": "1"]) == 90.00113)
    #expect(read.value("porthole_access_log_lines_total", ["result": "dropped"]) == 2)
    #expect(read.value("porthole_build_info", ["version": "1.2.3", "commit": "abc"]) == 1)
  }

  @Test func labelValuesMayBeAnyText() throws {
    var text = PrometheusText()
    text.family("a", .gauge, "back\\slash and\nline feed, \"quotes\" stay")
    text.sample("a", "1", ["b": "quote \" back \\ line\nfeed, }"])
    let read = try StrictExposition(text.bytes)
    #expect(read.value("a", ["b": "quote \" back \\ line\nfeed, }"]) == 1)
    #expect(read.helps["a"] == #"back\\slash and\nline feed, "quotes" stay"#)
  }

  @Test func aGaugeThatIsReadInBetweenIsNegativeNotHuge() throws {
    let worker = WorkerCounters()
    worker.decrement(.requestsInFlight)
    let read = try StrictExposition(PrometheusTextTests.everything([worker]).bytes)
    #expect(read.value("porthole_requests_in_flight", ["worker": "0"]) == -1)
  }

  @Test(arguments: [(0, "0.000000"), (96, "0.000096"), (1_000_000, "1.000000"), (67_108_864, "67.108864")])
  func secondsAreExact(us: UInt64, text: String) {
    #expect(PrometheusText.seconds(us: us) == text)
  }

  @Test func everyFamilyIsDocumented() throws {
    let page = Repository.text("docs/metrics.md")
    let read = try StrictExposition(PrometheusTextTests.everything([WorkerCounters(refusalWords: ["a/b"])]).bytes)
    for (name, type) in read.types {
      #expect(page.contains("| `\(name)` | \(type) |"), "docs/metrics.md lacks \(name)")
    }
  }

  @Test func theProcessHasFigures() throws {
    let figures = try #require(ProcessFigures.current())
    #expect(figures.residentBytes > 1_000_000)
    #expect(figures.openDescriptors >= 3)
    #expect(figures.descriptorsMax >= figures.openDescriptors)
    #expect(figures.bootTimeSeconds > 1_500_000_000)
  }

  @Test func aCommandNamedLikeFieldsIsNotRead() throws {
    let fields = (3...52).map { "\($0)" }.joined(separator: " ")
    let figures = try #require(ProcessFigures.parse(stat: "1 (a) b 9) \(fields)\n"))
    #expect(figures.cpuTicks == 14 + 15)
    #expect(figures.startTicksAfterBoot == 22)
  }
}
