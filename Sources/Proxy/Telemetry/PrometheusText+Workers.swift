extension PrometheusText {
  /// All counters of all workers; a worker's place in the array is its label.
  public mutating func add(workers: [WorkerCounters]) {
    for family in MetricFamily.all { add(family, of: workers) }
    addRefusals(of: workers)
    for latency in Latency.allCases { add(latency, of: workers) }
  }

  private mutating func add(_ family: MetricFamily, of workers: [WorkerCounters]) {
    let name = "\(family.name)"
    self.family(name, family.kind, "\(family.help)")
    for (number, worker) in workers.enumerated() {
      for cell in family.cells {
        let labels = "worker=\"\(number)\"" + (cell.labels.utf8CodeUnitCount == 0 ? "" : ",\(cell.labels)")
        let value = worker.value(of: cell.metric)
        // A gauge that is read between two threads' writes may be briefly negative; say so instead of 2^64.
        line(name, labels, family.kind == .gauge ? "\(Int64(bitPattern: value))" : "\(value)")
      }
    }
  }

  private mutating func addRefusals(of workers: [WorkerCounters]) {
    let name = "porthole_refusals_total"
    family(name, .counter, "Answers that Porthole made itself, by the word of its Porthole-Error header.")
    for (number, worker) in workers.enumerated() {
      for (rawValue, word) in worker.refusalWords.enumerated() {
        let word = "\(word)"
        let stage = word.prefix { $0 != "/" }
        line(
          name, "worker=\"\(number)\",stage=\"\(stage)\",error=\"\(word)\"", "\(worker.refusals(UInt8(rawValue)))")
      }
    }
  }

  private mutating func add(_ latency: Latency, of workers: [WorkerCounters]) {
    let name = "\(latency.family.name)"
    family(name, .histogram, "\(latency.family.help)")
    for (number, worker) in workers.enumerated() {
      let (buckets, sumUs) = worker.histogram(latency)
      var total: UInt64 = 0
      for (index, count) in buckets.enumerated() {
        total += count
        let bound = LatencyBuckets.upperBoundUs(index).map { PrometheusText.seconds(us: $0) } ?? "+Inf"
        line(name + "_bucket", "worker=\"\(number)\",le=\"\(bound)\"", "\(total)")
      }
      line(name + "_sum", "worker=\"\(number)\"", PrometheusText.seconds(us: sumUs))
      // The count is the sum of the buckets that were just read, so that it always equals the last of them.
      line(name + "_count", "worker=\"\(number)\"", "\(total)")
    }
  }

  public mutating func add(accessLog totals: AccessLogTotals) {
    let name = "porthole_access_log_lines_total"
    family(name, .counter, "Access-log lines, by whether they reached the log.")
    sample(name, "\(totals.written)", ["result": "written"])
    sample(name, "\(totals.dropped)", ["result": "dropped"])
  }

  public mutating func add(version: String, commit: String? = nil) {
    family("porthole_build_info", .gauge, "Always 1; the labels say what is running.")
    sample("porthole_build_info", "1", ["version": version, "commit": commit ?? "unknown"])
  }
}
