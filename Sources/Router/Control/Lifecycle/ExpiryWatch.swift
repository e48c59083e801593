internal import Loop
internal import Sandbox

/// The exposures that end next. No more than a bounded number is in mind: what ends later than all of those is read from
/// the store when they have ended.
@ControlLoop
final class ExpiryWatch {
  struct Expiry: Comparable, Hashable, Sendable {
    var atMs: UInt64
    var sandbox: SandboxID
    var port: UInt16

    static func < (one: Expiry, other: Expiry) -> Bool { one.atMs < other.atMs }
  }

  private var queue = MinHeap<Expiry>()
  /// Everything that ends before this is in the queue; nil: everything there is.
  private var horizonMs: UInt64?

  nonisolated init() {}

  /// - Parameter all: whether there are no others.
  func load(_ soonest: [Expiry], all: Bool) {
    queue.removeAll()
    for expiry in soonest { queue.insert(expiry) }
    horizonMs = all ? nil : soonest.last?.atMs
  }

  func add(_ expiry: Expiry) {
    if let horizonMs, expiry.atMs > horizonMs { return }
    queue.insert(expiry)
  }

  /// Whether later ones have to be read.
  var needsLoading: Bool { queue.first == nil && horizonMs != nil }
  var nextMs: UInt64? { queue.first?.atMs }
  var count: Int { queue.count }

  func due(nowMs: UInt64) -> [Expiry] {
    var due: [Expiry] = []
    while let first = queue.first, first.atMs <= nowMs { due.append(queue.removeFirst()) }
    return due
  }
}
