import Bytes
import Testing

@Suite struct ByteRangeTests {
  @Test func aRangeIsAPlaceInABuffer() {
    let range = ByteRange(start: 2, count: 3)
    #expect(range.end == 5)
    #expect(!range.isEmpty)
    #expect(ByteRange.empty.isEmpty)
    Array("0123456".utf8).withUnsafeBufferPointer {
      #expect(String(decoding: range.bytes(in: $0.baseAddress!), as: UTF8.self) == "234")
    }
  }

  @Test func theEndOfTheFarthestRangeIsExact() {
    let most = Int(UInt32.max)
    #expect(ByteRange(start: most, count: most).end == 2 * most)
  }
}
