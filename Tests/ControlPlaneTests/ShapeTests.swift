import Testing

@testable import ControlPlane

@Suite struct ShapeTests {
  private static let shape = Shape(
    "Test", "",
    [
      Field("port", .integer(1024...65535)), .optional("name", .text(.name)),
      .defaulting("ttl", .duration(60...3600), to: 60),
      .optional(
        "list", .list(.object(Shape("Inner", "", [Field("a", .boolean), .optional("b", .number)])), countMax: 2)),
      .optional("auth", .either([.word(["none", "token"]), .boolean])),
      .optional("env", .map(.environmentName, .text(.any), countMax: 1)),
    ])

  @Test(arguments: [
    (#"{}"#, ["port"]), (#"{"port": 80}"#, ["port"]), (#"{"port": 1023}"#, ["port"]), (#"{"port": 1024}"#, []),
    (#"{"port": 65535}"#, []), (#"{"port": 65536}"#, ["port"]), (#"{"port": "3000"}"#, ["port"]),
    (#"{"port": 3000.0}"#, []), (#"{"port": 3000.5}"#, ["port"]), (#"{"port": null}"#, ["port"]),
    (#"{"port": 1e300}"#, ["port"]), (#"{"port": 3000, "name": null}"#, []), (#"{"port": 3000, "name": ""}"#, ["name"]),
    (#"{"port": 3000, "name": "a\u0007b"}"#, ["name"]), (#"{"port": 3000, "name": "a\u202eb"}"#, ["name"]),
    (#"{"port": 3000, "ttl": 59}"#, ["ttl"]), (#"{"port": 3000, "ttl": "1m"}"#, []),
    (#"{"port": 3000, "ttl": "61m"}"#, ["ttl"]), (#"{"port": 3000, "ttl": "1w"}"#, ["ttl"]),
    (#"{"port": 3000, "ttl": "-1m"}"#, ["ttl"]), (#"{"port": 3000, "ttl": 1.5}"#, ["ttl"]),
    (#"{"port": 3000, "auth": true}"#, []), (#"{"port": 3000, "auth": "token"}"#, []),
    (#"{"port": 3000, "auth": "Token"}"#, ["auth"]), (#"{"port": 3000, "auth": 1}"#, ["auth"]),
    (#"{"port": 3000, "list": [{"a": true}, {"a": 1}]}"#, ["list[1].a"]),
    (#"{"port": 3000, "list": [{}, {"a": true, "b": "x", "c": 1}]}"#, ["list[0].a", "list[1].b", "list[1].c"]),
    (#"{"port": 3000, "list": [{"a": true}, {"a": true}, {"a": true}]}"#, ["list"]),
    (#"{"port": 3000, "list": {}}"#, ["list"]), (#"{"port": 3000, "env": {"A_1": "x"}}"#, []),
    (#"{"port": 3000, "env": {"1A": "x"}}"#, ["env.1A"]), (#"{"port": 3000, "env": {"A": 1}}"#, ["env.A"]),
    (#"{"port": 3000, "env": {"A": "", "B": ""}}"#, ["env"]), (#"{"Port": 3000}"#, ["Port", "port"]),
    (#"[]"#, ["."]), (#"3"#, ["."]),
    (#"{"port": 1, "name": 2, "ttl": {}, "x": 1}"#, ["port", "name", "ttl", "x"]),
  ])
  func everyMistakeIsFoundWithItsPath(text: String, paths: [String]) throws {
    let (_, problems) = ShapeReader.read(try JSONParser.parse(Array(text.utf8)), as: ShapeTests.shape)
    #expect(Set(problems.map(\.path)) == Set(paths), "\(problems)")
  }

  @Test(arguments: [
    (#"{"prot": 3000}"#, "prot", "unknown; did you mean \"port\"?"),
    (#"{"time_to_live": 3000}"#, "time_to_live", "unknown; expected port, name, ttl, list, auth, env"),
    (#"{"port": "x"}"#, "port", "expected a whole number from 1024 to 65535, found \"x\""),
    (#"{}"#, "port", "missing; expected a whole number from 1024 to 65535"),
    (#"{"port": [1, 2]}"#, "port", "expected a whole number from 1024 to 65535, found an array of 2"),
  ])
  func aMessageSaysWhatWasExpectedAndFound(text: String, path: String, message: String) throws {
    let (_, problems) = ShapeReader.read(try JSONParser.parse(Array(text.utf8)), as: ShapeTests.shape)
    #expect(problems.contains(FieldProblem(path: path, message: message)), "\(problems)")
  }

  @Test func aBodyFullOfMistakesGivesABoundedAnswer() {
    let many = JSONValue.object((0..<10_000).map { .init(name: "x\($0)", value: 1) })
    #expect(ShapeReader.read(many, as: ShapeTests.shape).problems.count == 50)
  }

  @Test func defaultsAreFilledIn() throws {
    let (values, problems) = ShapeReader.read(["port": 3000], as: ShapeTests.shape)
    #expect(problems.isEmpty && values.seconds("ttl") == 60 && values.integer("port") == 3000)
    #expect(values.text("name") == nil && values.bool("auth") == nil)
  }
}

@Suite struct TextRuleTests {
  @Test(arguments: [
    ("/", true), ("/docs", true), ("/docs/a-b_c~d.e", true), ("/d%C3%A9", true), ("/a.b/..c", true), ("", false),
    ("docs", false), ("/docs/..", false), ("/../a", false), ("/./a", false), ("/a/.", false), ("/a%2fb", false),
    ("/a%2Fb", false), ("/%2e%2e/a", false), ("/a%5Cb", false), ("/a%252f", false), ("/a%00", false), ("/a\\b", false),
    ("/a?b", false), ("/a#b", false), ("/a b", false), ("/a\nb", false), ("/é", false), ("/a%", false), ("/a%1", false),
    ("/a%zz", false),
  ])
  func aPathPrefixHasOneSpelling(text: String, isGood: Bool) {
    #expect(TextRule.pathPrefix.accepts(text) == isGood)
  }

  @Test(arguments: [
    ("/", true), ("/app?x=1&y=%2F", true), ("/a/../b", true), ("//evil.test", false), ("/\\evil.test", false),
    ("https://evil.test", false), ("/a\r\nb", false), ("/%5c%5cevil", false), ("/%2Fevil.test", false), ("a", false),
    ("/a#b", false),
  ])
  func nextIsAPathOnTheSameHost(text: String, isGood: Bool) {
    #expect(TextRule.next.accepts(text) == isGood)
  }

  @Test(arguments: [
    ("https://App.Example.com", "https://app.example.com"), ("https://a.test:443", "https://a.test"),
    ("http://a.test:80/", "http://a.test"), ("https://a.test:8443", "https://a.test:8443"),
    ("http://127.0.0.1:3000", "http://127.0.0.1:3000"), ("http://localhost:3000", "http://localhost:3000"),
    ("https://[2001:db8::1]:444", "https://[2001:db8::1]:444"), ("ftp://a.test", nil), ("a.test", nil),
    ("https://", nil),
    ("https://a.test/x", nil), ("https://a.test?x", nil), ("https://u@a.test", nil), ("https://a.test:0", nil),
    ("https://a.test:080", nil), ("https://a.test:99999", nil), ("https://*.a.test", nil), ("null", nil), ("", nil),
    ("https://a b", nil), ("https://a.test:", nil),
  ])
  func originsHaveOneForm(text: String, origin: String?) {
    #expect(WebOrigin.normalized(text) == origin)
  }

  @Test(arguments: [
    ("public", true), ("localhost", true), ("app.test", true), ("app.test:3000", true), ("127.0.0.1:80", true),
    ("", false), ("a b", false), ("a\r\nb", false), ("app.test:", false), ("app.test:0", false), ("-a.test", false),
    ("https://a.test", false),
  ])
  func aHostIsAWordOrAName(text: String, isGood: Bool) {
    #expect(TextRule.hostPolicy.accepts(text) == isGood)
  }

  @Test(arguments: [
    ("python:3.12-slim", true), ("registry.test:5000/a/b@sha256:0123", true), ("-", false), ("-rm", false), ("", false),
    ("a b", false), ("a;b", false), ("$(x)", false),
  ])
  func anImageIsNoOptionAndNoCommand(text: String, isGood: Bool) {
    #expect(TextRule.image.accepts(text) == isGood)
  }

  @Test(
    arguments: [
      ("10", 10), ("15m", 900), ("2h", 7200), ("1d", 86_400), ("30s", 30), ("", nil), ("m", nil), ("1.5h", nil),
      ("-1", nil),
      ("1ms", nil), ("1 m", nil), ("9999999999999", nil), ("٣", nil),
    ] as [(String, Int64?)])
  func durationsAreWholeAndHaveAUnit(text: String, seconds: Int64?) {
    #expect(DurationText.seconds(text) == seconds)
  }

  @Test func percentTextIsStrict() {
    #expect(PercentText.decode("a%2Fb+c") == "a/b+c")
    #expect(PercentText.decode("a+b", plusIsSpace: true) == "a b")
    for bad in ["%", "%1", "%zz", "%ff"] { #expect(PercentText.decode(bad) == nil) }
    #expect(PercentText.encode("/a b?é") == "%2Fa%20b%3F%C3%A9")
  }
}
