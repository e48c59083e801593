import Auth
import Testing

@testable import ControlPlane

@Suite struct JSONTests {
  @Test(
    arguments: [
      ("null", JSONValue.null), (" true ", true), ("0", 0), ("-0", 0), ("-12", -12), ("1.5e1", .double(15)),
      ("9223372036854775807", .int(.max)), ("9223372036854775808", .double(9_223_372_036_854_775_808)),
      (#""a\u00e9\n\"\\\/\b\f\r\t""#, "aé\n\"\\/\u{08}\u{0C}\r\t"), (#""\ud83d\ude00""#, "😀"), ("\"é😀\"", "é😀"),
      ("[]", []), ("[1, [2]]", [1, [2]]), ("{}", [:]), (#"{"a": {"b": [null]}}"#, ["a": ["b": [.null]]]),
    ] as [(String, JSONValue)])
  func whatIsJSONIsRead(text: String, value: JSONValue) throws {
    #expect(try JSONParser.parse(Array(text.utf8)) == value)
  }

  @Test(arguments: [
    "", " ", "nul", "nullx", "tru", "01", "-", "1.", ".5", "1e", "+1", "0x1", "1e999", "NaN", "Infinity", "'a'", "\"a",
    "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", #""\ud83d""#, #""\ude00""#, #""\ud83dA""#, "\"a\nb\"", "[", "[1",
    "[1,", "[1,]", "[,1]", "[1 2]", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{a:1}", "{1:1}",
    #"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#, "1 2", "{}{}", "\u{FEFF}1", "// x\n1",
  ])
  func whatIsNotIsRefused(text: String) {
    #expect(throws: JSONError.self) { try JSONParser.parse(Array(text.utf8)) }
  }

  @Test func bytesThatAreNoUTF8AreRefused() {
    for bytes: [UInt8] in [
      [0x22, 0xFF, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xC0, 0x80, 0x22],
    ] {
      #expect(throws: JSONError.self) { try JSONParser.parse(bytes) }
    }
  }

  @Test func depthHasALimit() throws {
    func nested(_ depth: Int) -> [UInt8] {
      Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
    }
    #expect(throws: Never.self) { try JSONParser.parse(nested(JSONParser.depthMax)) }
    #expect(throws: JSONError.self) { try JSONParser.parse(nested(JSONParser.depthMax + 1)) }
  }

  @Test func aMistakeHasItsPlace() throws {
    let error = try #require(throws: JSONError.self) { try JSONParser.parse(Array("{\n  \"a\": 1,\n  b\n}".utf8)) }
    #expect(error.line == 3 && error.column == 3, "\(error)")
  }

  @Test func whatIsWrittenIsReadBack() throws {
    let value: JSONValue = [
      "a": "x\u{00}\u{1F}\u{7F}\"\\\n😀", "b": [1, -2, .double(0.5), true, .null, [:], []], "": "",
    ]
    #expect(try JSONParser.parse(JSONWriter.text(value)) == value)
  }

  /// Cut anywhere, or with any byte changed, a text is read or refused, and nothing traps.
  @Test func nothingThatIsSentTraps() {
    let text = Array(#"{"a":[1.5e+3,"é\ud83d\ude00\n",null,true],"b":{"c":{}}}"#.utf8)
    for end in 0...text.count { _ = try? JSONParser.parse(Array(text[..<end])) }
    for at in text.indices {
      for byte: UInt8 in [0, 0x22, 0x2C, 0x5B, 0x5C, 0x5D, 0x7B, 0x7D, 0x80, 0xC3, 0xFF] {
        var changed = text
        changed[at] = byte
        _ = try? JSONParser.parse(changed)
      }
    }
  }

  @Test func secretsAreKeptAsRecipesAndComeBack() throws {
    let keys = CredentialKeys.random(nowMs: 1)
    let pass = Pass(kind: .onceGrant, port: 3000, expiresAt: 99, epoch: .max, nonce: 1 << 63, link: 7)
    let secrets: JSONValue = [
      "token": .derived(.token(sandbox: "a", epoch: .max)), "key": .derived(.apiKey(id: "key1", epoch: 5)),
      "urls": [.derived(.bootstrap(origin: "https://3000-a.p.test", sandbox: "a", pass: pass, next: "%2Fx"))],
    ]
    let kept = JSONWriter.text(secrets)
    let shown = JSONWriter.text(secrets, revealing: keys)
    #expect(!String(decoding: kept, as: UTF8.self).contains("pht_"))
    #expect(try JSONParser.parse(kept).withRecipes == secrets)
    #expect(JSONWriter.text(try JSONParser.parse(kept).withRecipes, revealing: keys) == shown)
    #expect(String(decoding: shown, as: UTF8.self).contains(keys.token(sandbox: "a", epoch: .max)))
  }
}
