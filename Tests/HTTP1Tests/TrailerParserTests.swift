import Bytes
import HTTP
import HTTP1
import Testing

@Suite struct TrailerParserTests {
  static func parse(_ section: String, limit: Int = TrailerParser.fieldsMax) -> [Field]? {
    let script = ByteScript(Array(section.utf8))
    script.arrive(upTo: script.bytes.count)
    let scratch = UnsafeMutablePointer<HeaderField>.allocate(capacity: max(1, limit))
    defer { scratch.deallocate() }
    guard let count = TrailerParser.parse(script.buffer, count: script.bytes.count, fields: scratch, limit: limit)
    else { return nil }
    return fields(of: HeaderList(base: script.buffer, fields: scratch, count: count))
  }

  @Test func fieldsAreFound() {
    #expect(Self.parse("") == [])
    #expect(
      Self.parse("Grpc-Status: 0\r\ngrpc-message:\r\nServer-Timing: a;dur=1 \r\n") == [
        Field(name: "Grpc-Status", value: "0", known: .other, isDropped: false),
        Field(name: "grpc-message", value: "", known: .other, isDropped: false),
        Field(name: "Server-Timing", value: "a;dur=1", known: .other, isDropped: false),
      ])
  }

  @Test(arguments: [
    "content-length", "Transfer-Encoding", "HOST", "Connection", "Upgrade", "TE", "Trailer", "Authorization", "Cookie",
    "Set-Cookie",
    "X-Forwarded-For", "X_Forwarded_For", "X-Real-IP", "X-Porthole-Token", "Porthole-Error", "Expect", "Content-Type",
    "Location",
  ])
  func fieldsThatSteerAreMarkedDropped(_ name: String) {
    #expect(Self.parse("A: b\r\n\(name): c\r\n")?.map(\.isDropped) == [false, true])
  }

  @Test(arguments: [
    "A", "A: b", "A: b\r", "A: b\n", "A : b\r\n", " A: b\r\n", ": b\r\n", "A: b\r\n\r\n", "\r\n", "A: \u{1}\r\n",
    "A: b\nC: d\r\n", "A: b\r\n c\r\n",
  ])
  func otherBytesAreRefused(_ section: String) {
    #expect(Self.parse(section) == nil)
  }

  @Test func noMoreFieldsThanTheLimitAreWritten() {
    #expect(Self.parse("A: b\r\nA: b\r\n", limit: 2)?.count == 2)
    #expect(Self.parse("A: b\r\nA: b\r\nA: b\r\n", limit: 2) == nil)
  }
}
