internal import Loop
internal import Store

/// Tells readers of the feed that there is more to read. They read from the store, each at its own pace, so that one
/// that is slow costs no memory and misses nothing that is still kept.
///
/// The newest events are held here, read once for all readers.
@ControlLoop
final class EventFeed {
  nonisolated static let pageMax = 512

  private let store: Store
  private var waiting: [Wait] = []
  private var recent: [StoredEvent] = []
  /// Everything after this and up to the end of `recent` is in it.
  private var recentAfter: Int64 = 0
  private(set) var subscriberCount = 0
  private(set) var isStopped = false

  nonisolated init(store: Store) { self.store = store }

  func somethingHappened() {
    let all = waiting
    waiting = []
    for wait in all { wait.end() }
  }

  func stop() {
    isStopped = true
    somethingHappened()
  }

  func begin() { subscriberCount += 1 }

  func end() {
    subscriberCount -= 1
    if subscriberCount == 0 { recent = [] }
  }

  /// The next events after a sequence, at most a page; none where there are none yet.
  func events(after sequence: Int64) async throws -> [StoredEvent] {
    if let last = recent.last, sequence >= recentAfter, sequence < last.sequence {
      return Array(recent.drop { $0.sequence <= sequence }.prefix(EventFeed.pageMax))
    }
    let read = try await store.read { try $0.events(after: sequence, limit: EventFeed.pageMax) }
    if let last = read.last, last.sequence > (recent.last?.sequence ?? 0) {
      recent = read
      recentAfter = sequence
    }
    return read
  }

  /// Ends when something has happened since this was made, or by `ended` of the one who waits.
  func next() -> Wait {
    let wait = Wait()
    waiting.append(wait)
    return wait
  }

  func forget(_ wait: Wait) { waiting.removeAll { $0 === wait } }
}
