internal import Synchronization

/// The fixed set of buffers that access-log lines travel in, from the workers to the writer and back.
///
/// A chunk belongs to exactly one side at any time, and its `state` says to which. There is no lock: a worker that
/// finds no free chunk drops its line, it never waits. Chunks are 64 KiB and rarely change hands, so scanning all of
/// them is cheap, and nothing is gained by a cleverer queue.
///
/// @unchecked: plain fields of a chunk are touched only by its owner; ownership moves by release and acquire of `state`.
final class AccessLogChunks: @unchecked Sendable {
  static let bytesPerChunk = 64 * 1024

  private enum State {
    static let free: UInt8 = 0
    /// A worker writes lines into it.
    static let filling: UInt8 = 1
    /// It waits for the writer, or the writer is at it.
    static let full: UInt8 = 2
  }

  private struct Chunk: ~Copyable {
    let state = Atomic<UInt8>(State.free)
    let bytes: UnsafeMutablePointer<UInt8>
    var used = 0
    var lines: UInt64 = 0
    /// The place among all chunks ever submitted: lines of one worker reach the log in order.
    var ticket: UInt64 = 0
  }

  let count: Int
  private let chunks: UnsafeMutablePointer<Chunk>
  private let ticketsTaken = Atomic<UInt64>(0)

  init(count: Int) {
    precondition(count > 0)
    precondition(AccessRecord.lineBytesLimit <= AccessLogChunks.bytesPerChunk, "the longest line must fit into a chunk")
    self.count = count
    chunks = .allocate(capacity: count)
    for index in 0..<count {
      // Not touched before it is used: a log that is hardly written costs hardly any memory.
      (chunks + index).initialize(to: Chunk(bytes: .allocate(capacity: AccessLogChunks.bytesPerChunk)))
    }
  }

  deinit {
    for index in 0..<count { chunks[index].bytes.deallocate() }
    chunks.deinitialize(count: count)
    chunks.deallocate()
  }

  // MARK: The workers' side

  /// A chunk to write lines into, or nil where all are in use.
  func take() -> Int? {
    for index in 0..<count {
      let (exchanged, _) = chunks[index].state.compareExchange(
        expected: State.free, desired: State.filling, successOrdering: .acquiring, failureOrdering: .relaxed)
      if exchanged { return index }
    }
    return nil
  }

  /// The memory of a chunk, for the side that owns it.
  func bytes(of index: Int) -> UnsafeMutablePointer<UInt8> { chunks[index].bytes }

  func submit(_ index: Int, used: Int, lines: UInt64) {
    chunks[index].used = used
    chunks[index].lines = lines
    chunks[index].ticket = ticketsTaken.add(1, ordering: .relaxed).oldValue
    chunks[index].state.store(State.full, ordering: .releasing)
  }

  /// Gives a chunk back, written or not.
  func release(_ index: Int) { chunks[index].state.store(State.free, ordering: .releasing) }

  /// A guess, by the time that it is used: good for deciding to wait, not for relying on it.
  var hasFree: Bool {
    for index in 0..<count where chunks[index].state.load(ordering: .relaxed) == State.free { return true }
    return false
  }

  // MARK: The writer's side

  /// The chunk that was submitted first and is not yet written. The writer releases it when done.
  ///
  /// The second look is what keeps the lines of one worker in order: the first may pass a chunk just before it is
  /// submitted and then meet a later one of the same worker. Whoever sees the later one full sees the earlier one, too.
  func nextFull() -> (index: Int, text: UnsafeBufferPointer<UInt8>, lines: UInt64)? {
    guard oldestFull() != nil, let index = oldestFull() else { return nil }
    let text = UnsafeBufferPointer(start: chunks[index].bytes, count: chunks[index].used)
    return (index, text, chunks[index].lines)
  }

  private func oldestFull() -> Int? {
    var oldest: Int?
    for index in 0..<count where chunks[index].state.load(ordering: .acquiring) == State.full {
      if let other = oldest, chunks[other].ticket < chunks[index].ticket { continue }
      oldest = index
    }
    return oldest
  }
}
