import Testing

@testable import porthole

@Suite struct JSONTests {
  /// What came, and the same on one line.
  @Test(arguments: [
    (" null ", "null"), ("true", "true"), ("false", "false"), ("0", "0"), ("-0", "-0"), ("1.0", "1.0"), ("1e3", "1e3"),
    ("-12.5E+10", "-12.5E+10"), ("12345678901234567890123", "12345678901234567890123"), ("\"a\"", "\"a\""),
    ("[]", "[]"),
    ("{}", "{}"), ("[1 , [2],\n{\"b\": 1, \"a\" :\t2}]", "[1,[2],{\"b\":1,\"a\":2}]"),
    ("{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}"),
    ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\u0008\\u000c\\n\\u000d\\u0009\""), ("\"\\u00e9\"", "\"é\""),
    ("\"\\uD83D\\uDE00\"", "\"😀\""), ("\"\\ud83d\"", "\"\u{FFFD}\""), ("\"\\ud83dx\"", "\"\u{FFFD}x\""),
    ("\"\\ud83d\\u0041\"", "\"\u{FFFD}A\""), ("\"\\ude00\"", "\"\u{FFFD}\""),
    ("\"\u{7F}\u{9B}\"", "\"\\u007f\\u009b\""),
  ])
  func aDocumentStaysWhatItWas(text: String, compact: String) throws {
    let json = try #require(JSON(parsing: text))
    #expect(json.compact == compact)
    #expect(JSON(parsing: json.text()) == json)
  }

  @Test(arguments: [
    "", " ", "nul", "nulll", "True", "01", "-", "1.", ".5", "1e", "+1", "0x1", "NaN", "\"", "\"a", "\"\n\"", "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "]", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}",
    "{a:1}", "{1:2}",
    "1 2", "[] x", "'a'",
  ])
  func whatIsNoneIsRefused(text: String) {
    #expect(JSON(parsing: text) == nil)
    // Nor does it trap where it ends early.
    for count in 0...text.utf8.count { _ = JSON(parsing: Array(text.utf8.prefix(count))) }
  }

  @Test func nestingHasALimit() {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(JSON(parsing: nested(128)) != nil)
    #expect(JSON(parsing: nested(129)) == nil)
    #expect(JSON(parsing: String(repeating: "[{\"a\":", count: 100_000)) == nil)
  }

  /// Documents with some bytes changed. A failure prints the seed.
  @Test(arguments: 0..<20) func noBytesTrap(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let document = Array("{\"a\":[1,-2.5e3,\"\\u00e9\\ud83d\\ude00\\n\",null,true],\"b\":{\"c\":{}}}".utf8)
    for _ in 0..<500 {
      var bytes = document
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      guard let json = JSON(parsing: bytes) else { continue }
      #expect(JSON(parsing: json.text()) == json, "seed \(seed)")
    }
  }

  private struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
  }

  @Test func bytesThatAreNoTextBecomeReplacements() {
    #expect(JSON(parsing: [0x22, 0xFF, 0x22])?.string == "\u{FFFD}")
  }

  @Test func membersAreFound() throws {
    let json = try #require(JSON(parsing: "{\"n\": 5, \"d\": 1.5, \"t\": \"x\", \"l\": [1], \"z\": null, \"b\": true}"))
    #expect(json["n"]?.int == 5 && json["d"]?.int == nil && json["d"]?.double == 1.5 && json["t"]?.string == "x")
    #expect(json["l"]?.array?.count == 1 && json["z"] == .null && json["b"]?.bool == true && json["none"] == nil)
    #expect(json.with("n", .null).compact.hasPrefix("{\"n\":null,\"d\""))
    #expect(json.with("new", .number(1)).compact.hasSuffix(",\"new\":1}"))
    #expect(JSON.null["n"] == nil && JSON.array([])["n"] == nil)
  }
}
