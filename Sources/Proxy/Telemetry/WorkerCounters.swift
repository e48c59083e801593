public import Synchronization

/// The counters, gauges and histograms of one worker: written by that worker's thread alone, read by anybody.
///
/// With a single writer, an addition is a relaxed load and a relaxed store: plain `mov`s, no locked instruction. A
/// reader sees each cell whole, and sees different cells at slightly different moments, which is what scraping is.
///
/// @unchecked: the cells are atomics behind a pointer that never changes; the pointer's memory lives as long as self.
public final class WorkerCounters: @unchecked Sendable {
  /// Names of our own refusals, `stage/code`, in the order of `Refusal.rawValue`.
  public let refusalWords: [StaticString]

  /// Cells in order: metrics, refusals, then for each latency its buckets and its sum in microseconds.
  @usableFromInline let cells: UnsafeMutablePointer<Atomic<UInt64>>
  @usableFromInline let histogramsStart: Int
  private let cellCount: Int

  @usableFromInline static let refusalsStart = Metric.allCases.count
  @usableFromInline static let histogramCells = LatencyBuckets.count + 1

  /// `refusalWords[n]` names what `countRefusal(n)` counts.
  public init(refusalWords: [StaticString] = []) {
    self.refusalWords = refusalWords
    histogramsStart = WorkerCounters.refusalsStart + refusalWords.count
    cellCount = histogramsStart + Latency.allCases.count * WorkerCounters.histogramCells
    // Two cache lines, because the prefetcher of x86 fetches lines in pairs: no other thread's data may share one.
    let alignment = 128
    let bytes = (cellCount * MemoryLayout<Atomic<UInt64>>.stride + alignment - 1) & ~(alignment - 1)
    cells = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: alignment)
      .bindMemory(to: Atomic<UInt64>.self, capacity: cellCount)
    for index in 0..<cellCount { (cells + index).initialize(to: Atomic(0)) }
  }

  deinit {
    cells.deinitialize(count: cellCount)
    UnsafeMutableRawPointer(cells).deallocate()
  }

  // MARK: Writing, on the worker's thread only

  @inlinable @inline(__always)
  public func add(_ metric: Metric, _ n: UInt64 = 1) { add(at: metric.rawValue, n) }

  /// Gauges go up and down in the same cells.
  @inlinable @inline(__always)
  public func increment(_ gauge: Metric) { add(at: gauge.rawValue, 1) }

  @inlinable @inline(__always)
  public func decrement(_ gauge: Metric) { add(at: gauge.rawValue, ~0) }

  @inlinable @inline(__always)
  public func set(_ gauge: Metric, to value: UInt64) { cells[gauge.rawValue].store(value, ordering: .relaxed) }

  /// Counts one of our own answers by its `Refusal.rawValue`.
  @inlinable
  public func countRefusal(_ rawValue: UInt8) {
    precondition(Int(rawValue) < refusalWords.count, "a refusal without a name")
    add(at: WorkerCounters.refusalsStart &+ Int(rawValue), 1)
  }

  @inlinable @inline(__always)
  public func record(_ latency: Latency, us: UInt64) {
    let start = histogramsStart &+ latency.rawValue &* WorkerCounters.histogramCells
    add(at: start &+ LatencyBuckets.index(us: us), 1)
    add(at: start &+ LatencyBuckets.count, us)
  }

  @inlinable @inline(__always)
  func add(at index: Int, _ n: UInt64) {
    let value = cells[index].load(ordering: .relaxed)
    cells[index].store(value &+ n, ordering: .relaxed)
  }

  // MARK: Reading, on any thread

  public func value(of metric: Metric) -> UInt64 { cells[metric.rawValue].load(ordering: .relaxed) }

  public func refusals(_ rawValue: UInt8) -> UInt64 {
    precondition(Int(rawValue) < refusalWords.count, "a refusal without a name")
    return cells[WorkerCounters.refusalsStart + Int(rawValue)].load(ordering: .relaxed)
  }

  /// Buckets as counted, not cumulative, and the sum of all values.
  public func histogram(_ latency: Latency) -> (buckets: [UInt64], sumUs: UInt64) {
    let start = histogramsStart + latency.rawValue * WorkerCounters.histogramCells
    let buckets = (0..<LatencyBuckets.count).map { cells[start + $0].load(ordering: .relaxed) }
    return (buckets, cells[start + LatencyBuckets.count].load(ordering: .relaxed))
  }
}
