import Testing

@testable import porthole

@Suite struct SpanTests {
  @Test(arguments: [
    ("0", 0), ("90", 90_000), ("250ms", 250), ("90s", 90_000), ("15m", 900_000), ("2h", 7_200_000), ("1d", 86_400_000),
    ("1h30m", 5_400_000), ("1d2h3m4s5ms", 93_784_005), ("1.5h", 5_400_000), ("0.25", 250),
    ("36500d", 3_153_600_000_000),
  ])
  func aDurationIsReadAs(text: String, ms: Int) { #expect(Span(text)?.milliseconds == ms) }

  @Test(arguments: [
    "", "s", "-1s", "+1s", "1 h", "1h30", "30 ", "1x", "1H", "0.0001s", "1.5ms", ".5s", "1.s", "1..5s", "1e3", "١s",
    "36501d",
    "99999999999999999999d", "36500d1ms", "1h\n",
  ])
  func anythingElseIsRefused(text: String) { #expect(Span(text) == nil) }

  @Test(arguments: [("2m", 120), ("1000ms", 1)]) func secondsAreWhole(text: String, seconds: Int) throws {
    #expect(try Span.parseSeconds(text) == seconds)
    #expect(throws: Span.Invalid.self) { try Span.parseSeconds(text + "1ms") }
    #expect(try Span.parseSecondsOrNone("none") == 0)
  }

  @Test(arguments: [
    (0, "0s"), (5, "0.005s"), (1234, "1.234s"), (59_999, "59.999s"), (60_000, "1m"), (61_500, "1m 1s"),
    (3_600_000, "1h"),
    (3_601_000, "1h 1s"), (90_061_000, "1d 1h"), (86_400_000, "1d"),
  ])
  func aDurationIsWritten(ms: Int, text: String) { #expect(Span(milliseconds: ms).text == text) }
}

@Suite struct SizeTests {
  @Test(arguments: [("512", 512), ("512MiB", 512), ("2GiB", 2048), ("0", 0)])
  func anAmountIsReadAs(text: String, mib: Int) throws { #expect(try Size.parseMiB(text) == mib) }

  @Test(arguments: ["", "MiB", "5GB", "5G", "-1", "1.5GiB", "5 MiB", "99999999999", "5KiB"])
  func anythingElseIsRefused(text: String) {
    #expect(throws: Span.Invalid.self) { try Size.parseMiB(text) }
  }

  @Test(arguments: [
    (0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (1 << 20, "1 MiB"), (5 << 30, "5 GiB"),
    (3 << 40, "3 TiB"),
  ])
  func anAmountIsWritten(bytes: Int, text: String) { #expect(Size.text(bytes: bytes) == text) }
}

@Suite struct TextTests {
  @Test func tablesAreAligned() {
    var table = Table("A", "LONGER", "C")
    table.add("1234", "", "x")
    table.add("é", "b\n", "")
    #expect(table.text == "A     LONGER  C\n1234  -       x\né     b\\n     -")
  }

  @Test func detailsLeaveOutWhatIsNotThere() {
    var details = Details()
    details.add("a", "1")
    details.add("nothing", nil)
    details.add("empty", "")
    details.add("long name", "2\u{1B}")
    #expect(details.text == "a          1\nlong name  2\\u{1b}")
  }

  @Test(arguments: [
    ("2026-11-25T10:16:35.123Z", "2026-11-25T10:16:35Z"), ("2026-11-25T10:16:35Z", "2026-11-25T10:16:35Z"),
    ("a.bZ", "a.bZ"), ("", ""),
  ])
  func timesLoseTheirMilliseconds(text: String, shown: String) {
    #expect(JSON.object([("at", .string(text))]).time("at") == shown)
  }

  @Test(arguments: [("AAEC", [0, 1, 2]), ("", []), ("/w==", [255])] as [(String, [UInt8])])
  func base64IsDecoded(text: String, bytes: [UInt8]) {
    #expect(Base64.decode(text) == bytes)
    #expect(Base64.encode(bytes) == text)
    #expect(Base64.decode(text + "!") == nil)
  }
}
