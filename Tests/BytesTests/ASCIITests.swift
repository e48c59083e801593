import Bytes
import Testing

@Suite struct ASCIITests {
  static func with<R>(_ text: String, _ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
    Array(text.utf8).withUnsafeBufferPointer(body)
  }

  @Test func onlyLettersHaveACase() {
    for byte in UInt8.min...UInt8.max {
      let isUpper = byte >= 0x41 && byte <= 0x5A
      #expect(ASCII.lower(byte) == (isUpper ? byte + 32 : byte))
      #expect(ASCII.isDigit(byte) == (byte >= 0x30 && byte <= 0x39))
    }
  }

  @Test func comparisonWithAndWithoutCase() {
    #expect(Self.with("Chunked") { ASCII.equalsIgnoringCase($0, "chunked") })
    #expect(!Self.with("Chunked") { ASCII.equals($0, "chunked") })
    #expect(Self.with("chunked") { ASCII.equals($0, "chunked") })
    for other in ["", "chunke", "chunkedd", "chunkeD\0", "\u{212A}hunked"] {
      #expect(!Self.with(other) { ASCII.equalsIgnoringCase($0, "chunked") })
    }
    #expect(!Self.with("{") { ASCII.equalsIgnoringCase($0, "[") }, "bit 0x20 makes a case of letters alone")
  }

  @Test(arguments: [
    ("close", true), ("CLOSE", true), ("a, close", true), ("close,a", true), (" ,\tclose\t,", true), ("", false),
    (",", false),
    ("closed", false), ("a close", false), ("close;q=1", false), ("clos,e", false),
  ])
  func listsNameTokens(_ list: String, _ expected: Bool) {
    #expect(Self.with(list) { ASCII.listContains($0, "close") } == expected)
  }

  @Test(arguments: [
    ("", ""), (" ", ""), ("\t \t", ""), ("a", "a"), (" a\t", "a"), ("\ta b ", "a b"), ("\u{a0}a\n", "\u{a0}a\n"),
  ])
  func trimmingTakesSpacesAndTabs(_ text: String, _ expected: String) {
    #expect(Self.with(text) { String(decoding: ASCII.trimmed($0), as: UTF8.self) } == expected)
  }
}
