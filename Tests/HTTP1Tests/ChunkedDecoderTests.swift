import Bytes
import HTTP
import HTTP1
import Testing

/// What came out of a chunked body.
struct Decoded: Equatable, Sendable {
  var payload = ""
  var trailers = ""
  /// How many bytes the body took; -1: it is malformed; -2: it is not over.
  var consumed = -2
}

/// Feeds `input` in pieces and keeps what the decoder leaves, as a connection would.
func decode(_ input: [UInt8], arriving way: [Int]) -> Decoded {
  var decoder = ChunkedDecoder()
  var out = Decoded()
  var payload: [UInt8] = []
  var front = 0
  defer { out.payload = String(decoding: payload, as: UTF8.self) }
  for count in way {
    feeding: while true {
      // Exactly what has arrived, in memory of its own, so that the sanitizer sees a look beyond it.
      let rest = Array(input[front..<count])
      let step = rest.withUnsafeBufferPointer { buffer in
        // An empty array may have no address; the decoder may not look at it anyway.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1) { spare in
          decoder.next(buffer.baseAddress ?? UnsafePointer(spare.baseAddress!), count: buffer.count)
        }
      }
      switch step {
      case .needMore(let consumed):
        front += consumed
        break feeding
      case .data(let consumed, let range):
        if range.isEmpty || range.end != consumed { Issue.record("payload \(range) of \(consumed)") }
        payload += rest[Int(range.start)..<range.end]
        front += consumed
      case .trailers(let consumed, let range):
        out.trailers = String(decoding: rest[Int(range.start)..<range.end], as: UTF8.self)
        out.consumed = front + consumed
        out.payload = String(decoding: payload, as: UTF8.self)
        return out
      case .end(let consumed):
        out.consumed = front + consumed
        out.payload = String(decoding: payload, as: UTF8.self)
        return out
      case .malformed:
        out.consumed = -1
        out.payload = ""
        return out
      }
    }
  }
  out.payload = String(decoding: payload, as: UTF8.self)
  return out
}

func decoded(_ input: String, sourceLocation: SourceLocation = #_sourceLocation) -> Decoded {
  let bytes = Array(input.utf8)
  let whole = decode(bytes, arriving: [bytes.count])
  for way in arrivals(of: bytes.count) {
    let answer = decode(bytes, arriving: way)
    if answer != whole {
      Issue.record("arriving as \(way.prefix(3)): \(answer), whole: \(whole)", sourceLocation: sourceLocation)
      break
    }
  }
  return whole
}

@Suite struct ChunkedDecoderTests {
  @Test(arguments: [
    Sample("0\r\n\r\n", Decoded(consumed: 5)),
    Sample("5\r\nhello\r\n0\r\n\r\n", Decoded(payload: "hello", consumed: 15)),
    Sample("1\r\na\r\n2\r\nbc\r\n0\r\n\r\nGET", Decoded(payload: "abc", consumed: 18), "pipelined"),
    Sample("A\r\n0123456789\r\n000\r\n\r\n", Decoded(payload: "0123456789", consumed: 22)),
    Sample(
      "a\r\n\r\n0\r\n\r\n\r\n.\r\n0\r\n\r\n", Decoded(payload: "\r\n0\r\n\r\n\r\n.", consumed: 20),
      "payload is not looked at"),
    Sample("0000000000000001\r\nx\r\n0\r\n\r\n", Decoded(payload: "x", consumed: 26), "16 digits"),
    Sample("1;a\r\nx\r\n0;b=c\r\n\r\n", Decoded(payload: "x", consumed: 17)),
    Sample("1;a=\"\";b=\"q \\\" \\\\ \t;\u{e9}\";c\r\nx\r\n0\r\n\r\n", Decoded(payload: "x", consumed: 35)),
    Sample("0\r\nA: b\r\n\r\n", Decoded(trailers: "A: b\r\n", consumed: 11)),
    Sample(
      "1\r\nx\r\n0;e\r\nA: b\r\nC:\td \r\n\r\nGET", Decoded(payload: "x", trailers: "A: b\r\nC:\td \r\n", consumed: 26)),
  ])
  func bodiesAreTakenApart(_ sample: Sample<Decoded>) {
    #expect(decoded(String(decoding: sample.input, as: UTF8.self)) == sample.expected)
  }

  @Test(arguments: [
    "", "5", "5\r", "5\r\n", "5\r\nhel", "5\r\nhello", "5\r\nhello\r", "5\r\nhello\r\n", "0\r\n", "0\r\n\r", "0\r\nA",
    "0\r\nA: b\r\n",
    "0\r\nA: b\r\n\r", "5;", "5;a", "5;a=", "5;a=\"", "5;a=\"b\"", "7fffffffffffffff\r\nx",
  ])
  func unfinishedBodiesWait(_ input: String) {
    #expect(decoded(input).consumed == -2)
  }

  @Test(arguments: [
    "\r\n", "g\r\n", "-1\r\n", "+1\r\n", " 1\r\n", "\t1\r\n", "1 \r\n", "1\t\r\n", "0x1\r\n", "1_0\r\n", "1.\r\n",
    "\u{e9}\r\n", "1\n", "1\rx",
    "1\r\r\n", "\n", ";a\r\n", "1 ;a\r\n", "1; a\r\n", "1;a =b\r\n", "1;a= b\r\n", "1;a=b \r\n", "1;\r\n", "1;;a\r\n",
    "1;a;\r\n", "1;a;;b\r\n", "1;a=b;\r\n", "1;a=b;=c\r\n", "1;=b\r\n", "1;a=\r\n",
    "1;a=;b\r\n", "1;a=b=c\r\n", "1;a=\"b\"c\r\n", "1;a=\"b\n", "1;a=\"b\r\n", "1;a=\"\\\r\n", "1;a=\"\0\"",
    "1;a=\"\u{7f}\"", "1;a\n",
    "1;a\rx", "1;a(\r\n", "1,a\r\n", "1\r\nab", "1\r\na\n", "1\r\na\rx", "1\r\na0\r\n", "00000000000000001\r\n",
    "8000000000000000\r\n",
    "ffffffffffffffff\r\n", "10000000000000000\r\n", "0\r\n\n", "0\r\n\rx", "0\r\nA\r\n\r\n", "0\r\nA : b\r\n\r\n",
    "0\r\n A: b\r\n\r\n",
    "0\r\nA: b\r\n c\r\n\r\n", "0\r\n: b\r\n\r\n", "0\r\nA: b\n\n", "0\r\nA: \0\r\n\r\n", "0\r\nA: b\rB: c\r\n\r\n",
  ])
  func everythingElseIsMalformed(_ input: String) {
    #expect(decoded(input).consumed == -1)
  }

  @Test func everyExtensionByteIsAllowedOrNot() {
    let token = Set("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
    for byte in UInt8.min...UInt8.max {
      func isTaken(_ before: String, _ after: String) -> Bool {
        let input = Array(before.utf8) + [byte] + Array(after.utf8)
        return decode(input, arriving: [input.count]).consumed == input.count
      }
      #expect(isTaken("0;a", "b\r\n\r\n") == (token.contains(byte) || byte == 0x3D || byte == 0x3B), "\(byte)")
      #expect(isTaken("0;a=b", "c\r\n\r\n") == (token.contains(byte) || byte == 0x3B), "\(byte)")
      let isText = byte == 0x09 || (byte >= 0x20 && byte != 0x7F)
      #expect(isTaken("0;a=\"", "b\"\r\n\r\n") == (isText && byte != 0x22), "\(byte)")
      #expect(isTaken("0;a=\"\\", "\"\r\n\r\n") == isText, "\(byte)")
    }
  }

  @Test func everySizeByteIsAHexDigitOrNot() {
    for byte in UInt8.min...UInt8.max {
      let input = [byte] + Array("\r\n0123456789abcdef".utf8)
      let step = ByteScript.step(input)
      let digit = Character(UnicodeScalar(byte)).isASCII ? Character(UnicodeScalar(byte)).hexDigitValue : nil
      switch digit {
      case nil: #expect(step == .malformed, "\(byte)")
      case 0: #expect(step != .malformed)
      case let size?: #expect(step == .data(consumed: 3 + size, payload: ByteRange(start: 3, count: size)))
      }
    }
  }

  @Test func extensionsOfOneChunkHave256BytesAtMost() {
    func chunk(_ count: Int) -> String { "1;" + String(repeating: "a", count: count - 1) + "\r\nx\r\n" }
    #expect(decoded(chunk(256) + chunk(256) + "0\r\n\r\n").payload == "xx", "counted for each chunk anew")
    #expect(decoded(chunk(257) + "0\r\n\r\n").consumed == -1)
    func quoted(_ count: Int) -> String { "1;a=\"" + String(repeating: "b", count: count - 5) + "\"\r\nx\r\n0\r\n\r\n" }
    #expect(decoded(quoted(256)).payload == "x", "a quoted value counts like any other")
    #expect(decoded(quoted(257)).consumed == -1)
    #expect(decoded("1;a=\"" + String(repeating: "b", count: 252)).consumed == -2)
    #expect(decoded("1;a=\"" + String(repeating: "b", count: 253)).consumed == -1, "without waiting for its end")
  }

  @Test func theTrailerSectionHas16KiBAtMost() {
    func body(_ count: Int) -> [UInt8] {
      Array(("0\r\nA: " + String(repeating: "b", count: count - 7) + "\r\n\r\n").utf8)
    }
    let most = body(16_384)
    #expect(decode(most, arriving: [most.count]).consumed == most.count)
    #expect(decode(most, arriving: Array(0...most.count)).consumed == most.count, "searched once, not once per byte")
    #expect(decode(body(16_385), arriving: [most.count + 1]).consumed == -1)
    #expect(decode(body(20_000), arriving: [16_386]).consumed == -2)
    #expect(decode(body(20_000), arriving: [16_387]).consumed == -1, "without waiting for its end")
  }

  @Test func aTrailerSectionHas64FieldsAtMost() {
    func body(_ count: Int) -> String { "0\r\n" + String(repeating: "A: b\r\n", count: count) + "\r\n" }
    #expect(decoded(body(64)).trailers == String(repeating: "A: b\r\n", count: 64))
    #expect(decoded(body(65)).consumed == -1)
  }

  @Test func nothingIsConsumedWithinTheTrailerSection() {
    var decoder = ChunkedDecoder()
    let input = Array("0\r\nA: b\r\n\r\n".utf8)
    input.withUnsafeBufferPointer {
      let base = $0.baseAddress!
      #expect(decoder.next(base, count: 5) == .needMore(consumed: 3))
      #expect(decoder.next(base + 3, count: 2) == .needMore(consumed: 0))
      #expect(decoder.next(base + 3, count: 6) == .needMore(consumed: 0))
      #expect(
        decoder.next(base + 3, count: 8) == .trailers(consumed: 8, bytes: ByteRange(start: 0, count: 6)))
    }
  }

  @Test func theEndStaysTheEndAndMalformedStaysMalformed() {
    let bytes = Array("0\r\n\r\n5\r\n".utf8)
    bytes.withUnsafeBufferPointer {
      var decoder = ChunkedDecoder()
      #expect(decoder.next($0.baseAddress!, count: 8) == .end(consumed: 5))
      #expect(decoder.next($0.baseAddress! + 5, count: 3) == .end(consumed: 0))
      var broken = ChunkedDecoder()
      #expect(broken.next($0.baseAddress! + 3, count: 2) == .malformed)
      #expect(broken.next($0.baseAddress! + 5, count: 3) == .malformed)
    }
  }
}

extension ByteScript {
  static func step(_ input: [UInt8]) -> ChunkedDecoder.Step {
    var decoder = ChunkedDecoder()
    return input.withUnsafeBufferPointer { decoder.next($0.baseAddress!, count: $0.count) }
  }
}
