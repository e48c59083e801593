import Bytes
import HTTP1
import Testing

@Suite struct WireTests {
  /// What `body` writes, and that it writes no further.
  static func written(_ body: (UnsafeMutablePointer<UInt8>) -> Int) -> String {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { buffer in
      buffer.initialize(repeating: 0x23)
      let count = body(buffer.baseAddress!)
      #expect(buffer[count...].allSatisfy { $0 == 0x23 })
      return String(decoding: buffer[..<count], as: UTF8.self)
    }
  }

  @Test(arguments: [0, 1, 9, 10, 11, 99, 100, 12345, 999_999_999_999, UInt64(Int64.max), .max - 1, .max])
  func decimalsAreWritten(_ value: UInt64) {
    let text = Self.written { Wire.putDecimal(value, at: $0) }
    #expect(text == String(value))
    #expect(text.utf8.count <= Wire.decimalBytesMax)
  }

  @Test func everyPowerOfTenIsWritten() {
    var power: UInt64 = 1
    for _ in 0..<19 {
      for value in [power - 1, power, power + 1] {
        #expect(Self.written { Wire.putDecimal(value, at: $0) } == String(value))
      }
      power *= 10
    }
  }

  @Test func chunkHeadersAreWritten() {
    for bit in 0..<63 {
      for size in [(1 << bit) - 1, 1 << bit, (1 << bit) + 1] {
        let text = Self.written { Wire.putChunkHeader(size, at: $0) }
        #expect(text == String(size, radix: 16) + "\r\n")
        #expect(text.utf8.count <= Wire.chunkHeaderBytesMax)
      }
    }
    #expect(Self.written { Wire.putChunkHeader(.max, at: $0) } == "7fffffffffffffff\r\n")
  }

  @Test func textAndRangesAreCopied() {
    #expect(Self.written { Wire.put("HTTP/1.1 ", at: $0) } == "HTTP/1.1 ")
    #expect(Self.written { Wire.put("x", at: $0) } == "x", "one scalar is text, too")
    #expect(Self.written { Wire.put("", at: $0) } == "")
    let source = Array("0123456789".utf8)
    source.withUnsafeBufferPointer { bytes in
      #expect(Self.written { Wire.put(bytes, at: $0) } == "0123456789")
      #expect(Self.written { Wire.put(ByteRange(start: 3, count: 4), of: bytes.baseAddress!, at: $0) } == "3456")
      #expect(Self.written { Wire.put(ByteRange.empty, of: bytes.baseAddress!, at: $0) } == "")
    }
    #expect(Self.written { Wire.put(UnsafeBufferPointer(start: nil, count: 0), at: $0) } == "")
  }
}
