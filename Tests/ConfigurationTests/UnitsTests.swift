import Settings
import Testing

@Suite struct UnitsTests {
  @Test(arguments: [
    ("10", 10_000), ("1.5", 1500), ("0", 0), ("500ms", 500), ("10s", 10_000), ("2m", 120_000), ("12h", 43_200_000),
    ("365d", 31_536_000_000), ("0.25s", 250), ("0.5", 500),
  ]) func durationsAreSecondsOrSayTheirUnit(_ text: String, milliseconds: Int) {
    #expect(Units.milliseconds(text) == milliseconds)
  }

  @Test(arguments: [
    "", "s", "ms", "-1", "+1", "1e3", ".5", "5.", "1.2.3", "10 s", "0x10", "inf", "nan", "10S", "1h30m", "0.0001ms",
    "99999999999999999d",
  ])
  func otherDurationsAreRefused(_ text: String) {
    #expect(Units.milliseconds(text) == nil)
  }

  @Test(arguments: [("65536", 65536), ("64KiB", 65536), ("10MiB", 10 << 20), ("1GiB", 1 << 30), ("0", 0)])
  func sizesAreBytesOrSayTheirUnit(_ text: String, bytes: Int) {
    #expect(Units.bytes(text) == bytes)
  }

  @Test(arguments: ["10MB", "64K", "-1", "KiB", "1 KiB", ""]) func otherSizesAreRefused(_ text: String) {
    #expect(Units.bytes(text) == nil)
  }

  @Test(arguments: [("worker", "workers"), ("head_bytes", "headBytes"), ("HTTPS", "https"), ("lsiten", "listen")])
  func nearWordsAreSuggested(_ word: String, expected: String) {
    #expect(Suggestion.nearest(to: word, among: ["listen", "workers", "headBytes", "https"]) == expected)
  }

  @Test(arguments: ["xyzzy", "q", ""]) func farWordsAreNot(_ word: String) {
    #expect(Suggestion.nearest(to: word, among: ["listen", "workers", "headBytes", "https"]) == nil)
  }
}
