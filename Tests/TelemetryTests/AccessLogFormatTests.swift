import Bytes
import Testing

@testable import Telemetry

@Suite struct AccessLogFormatTests {
  @Test func jsonShowsEveryFieldThatIsSet() throws {
    var record = AccessRecord.sample()
    record.protocolName = "HTTP/2.0"
    record.tls = "TLSv1.3"
    record.firstByteUs = 900
    record.sandbox = text("bench")
    record.port = 3000
    record.upstream = SocketAddress("127.0.0.1:3000")
    record.refusal = "upstream/closed"
    record.requestID = text("01J0000000")
    record.userAgent = text("curl/8 \"x\"")
    record.referer = text("https://a.test/")
    #expect(
      record.line(.json)
        == #"{"time":"2026-11-21T10:00:00.123Z","client":"192.0.2.7","method":"GET","host":"3000-bench.preview.localhost","#
        + #""target":"/a%20b?x=1","protocol":"HTTP/2.0","status":200,"requestBytes":0,"responseBytes":5,"#
        + #""durationMs":1.234,"firstByteMs":0.900,"sandbox":"bench","port":3000,"upstream":"127.0.0.1:3000","#
        + #""error":"upstream/closed","requestId":"01J0000000","tls":"TLSv1.3","userAgent":"curl/8 \"x\"","#
        + #""referer":"https://a.test/"}"# + "\n")
  }

  @Test func jsonLeavesOutWhatIsNotThere() throws {
    let line = AccessRecord.sample().line(.json)
    for key in ["sandbox", "port", "upstream", "error", "requestId", "tls", "userAgent", "referer", "firstByteMs"] {
      #expect(!line.contains("\"\(key)\""))
    }
  }

  @Test func anIPv6UpstreamIsBracketed() throws {
    var record = AccessRecord.sample()
    record.upstream = SocketAddress("[2001:db8::1]:80")
    #expect(try StrictJSON.parse(record.line(.json).utf8)["upstream"] == .string("[2001:db8::1]:80"))
  }

  @Test func commonAndCombinedAreThoseOfApache() {
    var record = AccessRecord.sample()
    record.userAgent = text("a\"b\\c\u{7F}é")
    record.referer = text("http://r/?token=x")
    let common = #"192.0.2.7 - - [21/Nov/2026:10:00:00 +0000] "GET /a%20b?x=1 HTTP/1.1" 200 5"#
    #expect(record.line(.common) == common + "\n")
    #expect(record.line(.combined) == common + #" "http://r/?token=REDACTED" "a\x22b\x5cc\x7f\xc3\xa9""# + "\n")
    record.userAgent = AccessRecord.Text(start: nil, count: 0)
    record.referer = record.userAgent
    record.responseBytes = 0
    #expect(record.line(.combined).hasSuffix(#" 200 - "-" "-""# + "\n"))
  }

  @Test(arguments: [
    ([0x61, 0x62], "ab", "plain"),
    (Array("\"\\/".utf8), #"\"\\/"#, "the two that JSON reserves"),
    ([0x00, 0x0A, 0x1B, 0x1F, 0x7F], #"\u0000\u000a\u001b\u001f\u007f"#, "controls"),
    (Array("é漢😀".utf8), "é漢😀", "UTF-8 stays text"),
    ([0xC3], #"\u00c3"#, "cut short"),
    ([0xC3, 0x28], #"\u00c3("#, "no continuation"),
    ([0xC0, 0xAF], #"\u00c0\u00af"#, "overlong, two bytes"),
    ([0xE0, 0x80, 0xAF], #"\u00e0\u0080\u00af"#, "overlong, three bytes"),
    ([0xF0, 0x80, 0x80, 0xAF], #"\u00f0\u0080\u0080\u00af"#, "overlong, four bytes"),
    ([0xED, 0xA0, 0x80], #"\u00ed\u00a0\u0080"#, "a surrogate"),
    ([0xF4, 0x90, 0x80, 0x80], #"\u00f4\u0090\u0080\u0080"#, "beyond Unicode"),
    ([0xFF, 0xFE], #"\u00ff\u00fe"#, "never in UTF-8"),
    ([0xC2, 0x9B], #"\u00c2\u009b"#, "C1: begins an escape sequence on some terminals"),
    ([0xC2, 0xA0], "\u{A0}", "just beyond C1"),
    ([0xED, 0x9F, 0xBF], "\u{D7FF}", "just below the surrogates"),
    ([0xF4, 0x8F, 0xBF, 0xBF], "\u{10FFFF}", "the last character"),
  ])
  func jsonEscapesWhatIsNotText(bytes: [UInt8], expected: String, why: Comment) {
    let line = bytes.withUnsafeBufferPointer { bytes in
      var record = AccessRecord.sample()
      record.userAgent = bytes
      return record.line(.json)
    }
    #expect(line.hasSuffix(#""userAgent":"\#(expected)"}"# + "\n"), why)
  }

  /// Whatever bytes a client sends, a line is one line, JSON, and within its reserve.
  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func anyBytesMakeAWellFormedLine(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<200 {
      let fields = (0..<7).map { _ in random.bytes(upTo: 90) }
      withTexts(fields) { texts in
        var record = AccessRecord.sample()
        record.method = texts[0]
        record.host = texts[1]
        record.target = texts[2]
        record.sandbox = texts[3]
        record.requestID = texts[4]
        record.userAgent = texts[5]
        record.referer = texts[6]
        for format in AccessLogFormat.allCases {
          let line = record.line(format)
          #expect(line.utf8.count <= record.lineBytesMax)
          #expect(line.utf8.firstIndex(of: 0x0A) == line.utf8.index(before: line.utf8.endIndex))
          if format == .json {
            #expect(throws: Never.self, "seed \(seed): \(line)") { try StrictJSON.parse(line.utf8) }
          } else {
            #expect(line.utf8.dropLast().allSatisfy { (0x20...0x7E).contains($0) })
          }
        }
      }
    }
  }

  @Test func theLongestLineFitsIntoItsReserveAndIntoAChunk() throws {
    let worst = [UInt8](repeating: 0x01, count: 100_000)
    worst.withUnsafeBufferPointer { worst in
      var record = AccessRecord.sample()
      record.client = IPAddress("fe80:1111:2222:3333:4444:5555:6666:7777")!
      record.upstream = SocketAddress(ip: record.client, port: 65_535)
      record.tls = "TLSv1.3"
      record.refusal = "request/unsupported-version"
      record.firstByteUs = .max
      (record.requestBytes, record.responseBytes, record.durationUs, record.port) = (.max, .max, .max, .max)
      record.status = .max
      (record.method, record.host, record.target, record.sandbox) = (worst, worst, worst, worst)
      (record.requestID, record.userAgent, record.referer) = (worst, worst, worst)
      #expect(record.lineBytesMax == AccessRecord.lineBytesLimit)
      for format in AccessLogFormat.allCases { #expect(record.line(format).utf8.count <= record.lineBytesMax) }
      #expect(AccessRecord.lineBytesLimit <= AccessLogChunks.bytesPerChunk)
    }
  }

  @Test func aFieldThatIsTooLongIsCutAndSaysSo() throws {
    let long = [UInt8](repeating: UInt8(ascii: "a"), count: AccessRecord.BytesMax.userAgent + 1)
    for (count, ending) in [(long.count - 1, "a"), (long.count, "a...")] {
      let line = long.withUnsafeBufferPointer { bytes in
        var record = AccessRecord.sample()
        record.userAgent = AccessRecord.Text(rebasing: bytes[..<count])
        return record.line(.json)
      }
      #expect(line.hasSuffix(ending + "\"}\n"))
    }
  }

  @Test func theDateFollowsTheClock() {
    var record = AccessRecord.sample()
    let first = record.line(.json)
    record.timeNs += 1_000_000_000 * 86_400
    #expect(first.contains("2026-11-21T10:00:00.123Z"))
    #expect(record.line(.json).contains("2026-11-22T10:00:00.123Z"))
  }

  private func withTexts(
    _ fields: [[UInt8]], _ texts: [AccessRecord.Text] = [], body: ([AccessRecord.Text]) -> Void
  ) {
    guard texts.count < fields.count else { return body(texts) }
    fields[texts.count].withUnsafeBufferPointer { withTexts(fields, texts + [$0], body: body) }
  }
}
