import HTTP
import Testing

@testable import Pages

@Suite struct PagesTests {
  static let context = PageContext(
    host: "3000-bench.preview.localhost", requestID: "01JD6Y", retryAfterSeconds: 2, port: 3000, follows: true)

  static func text(_ refusal: Refusal, _ kind: BodyKind, _ context: PageContext = context) -> String {
    var body: [UInt8] = []
    Pages.render(refusal, as: kind, context: context, into: &body)
    return String(decoding: body, as: UTF8.self)
  }

  @Test(arguments: Refusal.allCases)
  func everyRefusalHasAPage(refusal: Refusal) {
    let page = PagesTests.text(refusal, .html)
    #expect(page.hasPrefix("<!doctype html>"))
    #expect(page.contains("\(refusal.status) <code>\(refusal.word)</code>"), "the word can be quoted")
    #expect(page.contains("<code>01JD6Y</code>"), "so can the request's id")
    #expect(page.contains("3000-bench.preview.localhost"))
    #expect(!page.contains("{port}"))
  }

  @Test(arguments: Refusal.allCases)
  func everyRefusalHasAProblem(refusal: Refusal) {
    let problem = PagesTests.text(refusal, .problem)
    let type = "urn:porthole:error:" + "\(refusal.word)".map { $0 == "/" ? ":" : String($0) }.joined()
    #expect(problem.hasPrefix(#"{"type":"\#(type)","title":""#))
    #expect(problem.contains(#","status":\#(refusal.status),"detail":""#))
    #expect(
      problem.hasSuffix(
        #","instance":"urn:request:01JD6Y","error":"\#(refusal.word)","requestId":"01JD6Y","retryAfter":2}"# + "\n"))
    #expect(!problem.contains("{port}"))
  }

  @Test func aProblemLeavesOutWhatIsNotKnown() {
    let problem = PagesTests.text(.notFound, .problem, PageContext(host: "", requestID: ""))
    #expect(!problem.contains("instance") && !problem.contains("requestId") && !problem.contains("retryAfter"))
  }

  @Test(arguments: Refusal.allCases)
  func aPageLoadsNothing(refusal: Refusal) {
    let page = PagesTests.text(refusal, .html)
    for forbidden in ["src=", "href=", "url(", "@import", "=\"http", "<link", "<img", "style=\"", "onload"] {
      #expect(!page.contains(forbidden), "\(forbidden)")
    }
  }

  static let hostile = [
    "<script>alert(1)</script>", "\"><img onerror=x>", "' onmouseover='x", "&lt;", "</title><script>", "a\u{0}b\r\nc",
    "{port}", "\u{202E}evil", "<!--", "]]>",
  ]

  @Test(arguments: hostile, Refusal.allCases.filter { [.portClosed, .notFound, .starting].contains($0) })
  func aHostileHostIsOnlyText(host: String, refusal: Refusal) {
    let context = PageContext(host: host, requestID: host, port: 1, follows: true)
    let page = PagesTests.text(refusal, .html, context)
    let harmless = PagesTests.text(refusal, .html, PageContext(host: "h", requestID: "h", port: 1, follows: true))
    func count(_ character: Character, _ text: String) -> Int { text.filter { $0 == character }.count }
    for character: Character in ["<", ">", "\"", "'"] {
      #expect(count(character, page) == count(character, harmless), "no mark-up of its own")
    }
    #expect(page.unicodeScalars.allSatisfy { $0.value >= 0x20 || $0 == "\n" })
    #expect(!page.contains("\r"))
  }

  @Test func aHostileIdIsOnlyTextInJSON() {
    let problem = PagesTests.text(.notFound, .problem, PageContext(host: "", requestID: "a\"b\\c\u{0}\n\u{9B}é"))
    #expect(problem.contains(#""requestId":"a\"b\\c\u0000\u000a\u009bé""#))
    #expect(problem.contains(#""instance":"urn:request:a%22b%5Cc%00%0A%C2%9B%C3%A9""#))
  }

  @Test func aLongHostIsShortened() {
    let page = PagesTests.text(
      .notFound, .html, PageContext(host: String(repeating: "a", count: 9_000), requestID: "r"))
    #expect(page.contains(String(repeating: "a", count: 256) + "…"))
    #expect(!page.contains(String(repeating: "a", count: 257)))
  }

  /// CONTRACT: unknown sandbox, unexposed port and refused port are one and the same 404.
  @Test func notFoundDoesNotSayWhatIsMissing() {
    for kind in BodyKind.allCases {
      let one = PagesTests.text(.notFound, kind, PageContext(host: "h", requestID: "r", port: 3000))
      let other = PagesTests.text(.notFound, kind, PageContext(host: "h", requestID: "r"))
      #expect(one == other)
    }
  }

  @Test func portClosedNamesThePort() {
    #expect(PagesTests.text(.portClosed, .html).contains("no app answers on port 3000."))
    let unknown = PageContext(host: "", requestID: "")
    #expect(PagesTests.text(.portClosed, .html, unknown).contains("no app answers on this port."))
  }

  @Test(arguments: Refusal.allCases)
  func onlyWhatPassesByItselfIsFollowed(refusal: Refusal) {
    let page = PagesTests.text(refusal, .html)
    let follows = Pages.mayFollow(refusal)
    #expect(page.contains("http-equiv=\"refresh\"") == follows)
    #expect(page.contains("<script>") == follows)
    var still = PagesTests.context
    still.follows = false
    #expect(!PagesTests.text(refusal, .html, still).contains("http-equiv=\"refresh\""), "not unless asked for")
    #expect(!PagesTests.text(refusal, .html, still).contains("<script>"))
  }

  @Test(arguments: [(nil, 1), (0, 1), (3, 3), (3_600, 10)] as [(Int?, Int)])
  func somebodyWhoWatchesNeverWaitsLong(retryAfter: Int?, seconds: Int) {
    let context = PageContext(host: "h", requestID: "r", retryAfterSeconds: retryAfter, follows: true)
    let page = PagesTests.text(.starting, .html, context)
    #expect(page.contains("data-follow=\"\(seconds)\""))
    #expect(page.contains("<noscript><meta http-equiv=\"refresh\" content=\"\(seconds + 1)\"></noscript>"))
  }

  @Test func thePolicyNamesTheStyleAndTheScript() {
    let policy = "\(Pages.contentSecurityPolicy)"
    for (directive, asset) in [("style-src", PageAssets.style), ("script-src", PageAssets.script)] {
      let source = "\(directive) 'sha256-\(SHA256.base64(Array(asset.utf8)))';"
      #expect(policy.contains(source), "Pages.contentSecurityPolicy needs \(source)")
      #expect(
        PagesTests.text(.starting, .html).contains(">\(asset)</"), "the bytes that are hashed are those on the page")
    }
    #expect(!policy.contains("unsafe"))
    #expect(!policy.contains("\n"))
  }

  @Test func headersGoWithTheKind() {
    func names(_ kind: BodyKind) -> [String] { Pages.headers(kind).map { "\($0.name)" } }
    #expect(names(.problem) == ["content-type", "cache-control", "x-content-type-options"])
    #expect(names(.html) == names(.problem) + ["content-security-policy", "referrer-policy"])
  }

  @Test func theHashIsSHA256() {
    #expect(SHA256.base64([]) == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
    #expect(SHA256.base64(Array("abc".utf8)) == "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=")
    #expect(SHA256.base64([UInt8](repeating: 0x61, count: 200)) == "wqkI2Y9d+Yet5BtfziEwZ++8wh7yJAISpB5UtefCiuU=")
  }
}
