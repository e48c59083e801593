import Bytes
import Testing

@testable import ProxyEngine

@Suite struct ProxyHeadTests {
  static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

  static func v2(_ command: UInt8, _ family: UInt8, _ payload: [UInt8]) -> [UInt8] {
    signature + [0x20 | command, family, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)] + payload
  }

  @Test(arguments: [
    (Array("PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n".utf8), "192.0.2.7:56324"),
    (Array("PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n".utf8), "[2001:db8::7]:1"),
    (Array("PROXY UNKNOWN\r\n".utf8), nil),
    (Array("PROXY UNKNOWN ffff::1 ::1 1 2\r\n".utf8), nil),
    (v2(1, 0x11, [192, 0, 2, 7, 198, 51, 100, 1, 0xDC, 0x04, 1, 0xBB]), "192.0.2.7:56324"),
    (v2(1, 0x11, [192, 0, 2, 7, 198, 51, 100, 1, 0xDC, 0x04, 1, 0xBB, 3, 0, 1, 9]), "192.0.2.7:56324"),
    (
      v2(
        1, 0x21,
        [0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [7] + [UInt8](repeating: 0, count: 16) + [
          0, 80, 1, 0xBB,
        ]), "[2001:db8::7]:80"
    ),
    (v2(0, 0x00, []), nil),
    (v2(0, 0x11, [1, 2, 3]), nil),
  ])
  func aHeadSaysWhoTheClientIs(head: [UInt8], source: String?) {
    // Whole, with bytes behind it, and cut at every offset.
    let expected = ProxyHead.Outcome.complete(consumed: head.count, source: source.flatMap { SocketAddress($0) })
    #expect(ProxyHead.parse(head, count: head.count) == expected)
    let more = head + Array("GET / HTTP/1.1\r\n".utf8)
    #expect(ProxyHead.parse(more, count: more.count) == expected)
    for cut in 0..<head.count { #expect(ProxyHead.parse(head, count: cut) == .incomplete, "cut at \(cut)") }
  }

  @Test(arguments: [
    "GET / HTTP/1.1\r\n", "PROXY TCP4 192.0.2.7\r\n", "PROXY TCP4 192.0.2.7 198.51.100.1 -1 443\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n", "PROXY TCP4 ::1 ::1 1 2\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n",
    "PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n", "PROXY " + String(repeating: "x", count: 120),
  ])
  func anythingElseIsMalformed(text: String) {
    let bytes = Array(text.utf8)
    #expect(ProxyHead.parse(bytes, count: bytes.count) == .malformed)
  }

  @Test func aBinaryHeadThatClaimsTooMuchIsMalformed() {
    let head = ProxyHeadTests.signature + [0x21, 0x11, 0xFF, 0xFF]
    #expect(ProxyHead.parse(head, count: head.count) == .malformed)
    let old = ProxyHeadTests.signature + [0x11, 0x11, 0, 12]
    #expect(ProxyHead.parse(old, count: old.count) == .malformed)
  }
}
