import Testing

@testable import Telemetry

@Suite struct LineWriterTests {
  /// Eight bytes are looked at together, so every byte is tried at every place among plain ones.
  @Test(arguments: 0..<20)
  func everyByteIsEscapedAtEveryPlace(place: Int) {
    for byte in UInt8.min...UInt8.max {
      var bytes = Array("abcdefghijklmnopqrst".utf8)
      bytes[place] = byte
      for escaping in [LineWriter.Escaping.json, .hex] {
        let expected = bytes.map { LineWriterTests.escape($0, escaping) }.joined()
        #expect(LineWriterTests.written(bytes, escaping) == expected, "byte \(byte)")
      }
    }
  }

  @Test func theLastPlainBytesAreCopied() {
    for count in 0...40 {
      let bytes = [UInt8](repeating: 0x7E, count: count)
      #expect(LineWriterTests.written(bytes, .json) == String(repeating: "~", count: count))
    }
  }

  @Test(arguments: [(0, "0"), (9, "9"), (10, "10"), (99, "99"), (100, "100"), (UInt64.max, "18446744073709551615")])
  func decimalsHaveNoLeadingZeros(value: UInt64, expected: String) {
    #expect(LineWriterTests.made { $0.decimal(value) } == expected)
  }

  @Test(arguments: [
    (0, "0.000"), (1, "0.001"), (999, "0.999"), (1_000, "1.000"), (UInt64.max, "18446744073709551.615"),
  ])
  func microsecondsBecomeMilliseconds(us: UInt64, expected: String) {
    #expect(LineWriterTests.made { $0.milliseconds(us: us) } == expected)
  }

  /// One byte, the slow way; a lone byte from 0x80 is never UTF-8.
  private static func escape(_ byte: UInt8, _ escaping: LineWriter.Escaping) -> String {
    let digits = String(byte, radix: 16)
    let hex = digits.count == 1 ? "0" + digits : digits
    let isPrintable = (0x20...0x7E).contains(byte)
    let isSpecial = byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    switch escaping {
    case .json where isSpecial: return "\\" + String(UnicodeScalar(byte))
    case _ where isPrintable && !isSpecial: return String(UnicodeScalar(byte))
    case .json: return "\\u00" + hex
    case .hex: return "\\x" + hex
    }
  }

  private static func written(_ bytes: [UInt8], _ escaping: LineWriter.Escaping) -> String {
    made { line in bytes.withUnsafeBufferPointer { line.escaped($0, escaping) } }
  }

  private static func made(_ body: (inout LineWriter) -> Void) -> String {
    let bytes = [UInt8](unsafeUninitializedCapacity: 512) { buffer, count in
      var line = LineWriter(at: buffer.baseAddress!)
      body(&line)
      count = line.at - buffer.baseAddress!
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
