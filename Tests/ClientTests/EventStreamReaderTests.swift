import Testing

@testable import Client

@Suite struct EventStreamReaderTests {
  private static func event(_ type: String, _ data: String, _ id: String = "") -> StreamEvent {
    StreamEvent(type: type, data: data, id: id)
  }

  static let cases: [(text: String, events: [StreamEvent])] = [
    ("data: a\n\n", [event("message", "a")]),
    ("data:a\n\n", [event("message", "a")]),
    ("data:  a\n\n", [event("message", " a")]),
    ("event: exit\ndata: {\"exitCode\":0}\n\n", [event("exit", "{\"exitCode\":0}")]),
    ("data: a\ndata\ndata: b\n\n", [event("message", "a\n\nb")]),
    ("id: 7\nevent: x\ndata: a\n\ndata: b\n\n", [event("x", "a", "7"), event("message", "b", "7")]),
    ("id: 7\ndata: a\n\nid\ndata: b\n\n", [event("message", "a", "7"), event("message", "b")]),
    ("id: 7\0\ndata: a\n\n", [event("message", "a")]),
    ("event: x\n\ndata: a\n\n", [event("message", "a")]),
    (": keep-alive\n\n:\n\ndata: a\n\n", [event("message", "a")]),
    ("data: a\r\n\r\ndata: b\r\rdata: c\n\n", [event("message", "a"), event("message", "b"), event("message", "c")]),
    ("\u{FEFF}data: a\n\n", [event("message", "a")]),
    ("unknown: a\ndata: b\n\n", [event("message", "b")]),
    ("data: a\n", []), ("data: a", []), ("\n\n\n", []), ("", []),
    ("data: é\n\n", [event("message", "é")]),
  ]

  @Test(arguments: cases) func aStreamIsReadAs(text: String, events: [StreamEvent]) throws {
    var whole = EventStreamReader()
    #expect(try whole.feed(text.utf8) == events)
    let bytes = Array(text.utf8)
    for split in 0...bytes.count {
      var reader = EventStreamReader()
      let first = try reader.feed(bytes[..<split])
      #expect(try first + reader.feed(bytes[split...]) == events, "split at \(split)")
    }
    var slow = EventStreamReader()
    var found: [StreamEvent] = []
    for byte in bytes { found += try slow.feed([byte]) }
    #expect(found == events)
  }

  @Test(arguments: [("retry: 1500\n", 1500), ("retry: x\n", nil), ("retry:\n", nil), ("retry: 9999999999999\n", nil)])
  func retryIsANumber(text: String, ms: Int?) throws {
    var reader = EventStreamReader()
    _ = try reader.feed(text.utf8)
    #expect(reader.retryMs == ms)
  }

  @Test func anEventWithoutEndDoesNotFillTheMemory() throws {
    let piece = [UInt8](repeating: 0x61, count: 1 << 20)
    var reader = EventStreamReader()
    for _ in 0..<16 { #expect(try reader.feed(piece) == []) }
    #expect(throws: ClientError.tooLarge(bytes: EventStreamReader.eventBytesMax)) { try reader.feed([0x61]) }
  }
}
