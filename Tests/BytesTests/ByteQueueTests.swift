import Bytes
import Testing

@Suite struct ByteQueueTests {
  private func bytes(_ count: Int, from start: Int = 0) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 + start) &* 31) }
  }

  @Test(arguments: [1, 2023, 2024, 2025, 16_360, 16_361, 65_511, 65_512, 65_513, 200_000])
  func whatGoesInComesOutInOrder(count: Int) {
    let pool = SlabPool()
    var queue = ByteQueue()
    let input = bytes(count)
    queue.append(input, count, pool: pool)
    var output = [UInt8](repeating: 0, count: count)
    let taken = queue.take(into: &output, count, pool: pool)
    #expect(taken == count)
    #expect(output == input)
    let isEmpty = queue.isEmpty
    #expect(isEmpty)
    #expect(pool.bytesLent == 0)
  }

  @Test func randomAppendsAndConsumesKeepTheOrder() {
    let pool = SlabPool()
    var queue = ByteQueue()
    var generator = SeededGenerator(seed: 7)
    var model: [UInt8] = []
    for round in 0..<3000 {
      if Bool.random(using: &generator) || model.isEmpty {
        let piece = bytes(Int.random(in: 1...9000, using: &generator), from: round)
        queue.append(piece, piece.count, pool: pool)
        model += piece
      } else {
        let count = Int.random(in: 0...min(model.count, 12_000), using: &generator)
        var seen: [UInt8] = []
        queue.forEachChunk {
          seen += $0
          return seen.count < count
        }
        #expect(Array(seen.prefix(count)) == Array(model.prefix(count)))
        queue.consume(count, pool: pool)
        model.removeFirst(count)
      }
      let count = queue.count
      #expect(count == model.count)
    }
    queue.removeAll(pool: pool)
    #expect(pool.bytesLent == 0)
  }

  @Test func anEmptyQueueHoldsNoMemory() {
    let pool = SlabPool()
    var queue = ByteQueue()
    queue.append([1, 2, 3], 3, pool: pool)
    #expect(pool.bytesLent == 2048)
    queue.consume(3, pool: pool)
    #expect(pool.bytesLent == 0)
    let hasFront = queue.front != nil
    #expect(!hasFront)
  }
}

struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
