import Bytes
import Testing

@testable import ProxyEngine

@Suite struct HeadWritingTests {
  @Test(arguments: [UInt64(0), 1, 9, 10, 15, 16, 0xABCD_EF01_2345_6789, 0xFFFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_000A])
  func hexIsSixteenLowerCaseDigits(value: UInt64) {
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: 16)
    defer { memory.deallocate() }
    var out = HeadCursor(memory)
    out.putHex(value)
    let text = String(decoding: UnsafeBufferPointer(start: memory, count: 16), as: UTF8.self)
    let plain = String(value, radix: 16)
    #expect(text == String(repeating: "0", count: 16 - plain.count) + plain)
  }

  @Test(arguments: [
    ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
    ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x", false),
    ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x", true),
    ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
    ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
    ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
    ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
    ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", false),
    ("", false),
  ])
  func aTraceParentIsPassedOnOnlyWhenItIsOne(text: String, isValid: Bool) {
    let bytes = Array(text.utf8)
    #expect(bytes.withUnsafeBufferPointer { TraceParent.isValid($0) } == isValid)
  }

  @Test func theDateIsTheOneOfTheRFC() {
    var date = DateText()
    let text = date.text(seconds: 784_111_777)
    #expect(String(decoding: text, as: UTF8.self) == "Sun, 06 Nov 1994 08:49:37 GMT")
    #expect(String(decoding: date.text(seconds: 951_782_400), as: UTF8.self) == "Tue, 29 Feb 2000 00:00:00 GMT")
    #expect(String(decoding: date.text(seconds: 1_795_258_800), as: UTF8.self) == "Sat, 21 Nov 2026 11:00:00 GMT")
  }
}

@Suite struct WebSocketFramesTests {
  static func frame(_ payload: Int, masked: Bool = false) -> [UInt8] {
    var head: [UInt8] = [0x82]
    let mask: UInt8 = masked ? 0x80 : 0
    switch payload {
    case ..<126: head.append(mask | UInt8(payload))
    case ..<65_536: head += [mask | 126, UInt8(payload >> 8), UInt8(payload & 0xFF)]
    default: head += [mask | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload >> (56 - 8 * $0)) }
    }
    if masked { head += [1, 2, 3, 4] }
    return head + [UInt8](repeating: 0x7F, count: payload)
  }

  @Test(arguments: [0, 1, 125, 126, 127, 65_535, 65_536, 70_000], [false, true])
  func aBoundaryIsWhereAFrameEnds(payload: Int, masked: Bool) {
    let bytes = WebSocketFramesTests.frame(payload, masked: masked)
    let twice = bytes + bytes
    var whole = WebSocketFrames()
    whole.note(twice, twice.count)
    #expect(whole.isAtBoundary)
    var piecewise = WebSocketFrames()
    for (index, byte) in bytes.enumerated() {
      piecewise.note([byte], 1)
      #expect(piecewise.isAtBoundary == (index == bytes.count - 1))
    }
  }

  @Test func aCloseFrameCarriesTheCodeAndTheWord() {
    let frame = WebSocketFrames.close(code: 1001, reason: "limit/draining")
    #expect(frame[0] == 0x88)
    #expect(Int(frame[1]) == frame.count - 2)
    #expect(frame[2] == 0x03 && frame[3] == 0xE9)
    #expect(String(decoding: frame[4...], as: UTF8.self) == "limit/draining")
  }
}
