import HTTP
import HTTP1
import Testing

@Suite struct LimitTests {
  @Test func theRequestLineMayBeAsLongAsItsLimit() {
    let limits = HeadLimits(requestLineBytes: 40)
    func line(_ count: Int) -> String { "GET /" + String(repeating: "a", count: count - 14) + " HTTP/1.1" }
    #expect(line(40).utf8.count == 40)
    #expect(request(line(40) + "\r\nHost: h\r\n\r\n", limits: limits).head != nil)
    #expect(
      request("\r\n" + line(40) + "\r\nHost: h\r\n\r\n", limits: limits).head != nil, "the empty line is not counted")
    #expect(request(line(41) + "\r\nHost: h\r\n\r\n", limits: limits).error == .uriTooLong)
    #expect(request(line(40), limits: limits) == .incomplete)
    #expect(request(line(41), limits: limits).error == .uriTooLong, "without waiting for its end")
  }

  @Test func aLineThatIsNeverARequestIsMalformedAndNotTooLong() {
    let word = String(repeating: "a", count: 100)
    #expect(request(word + " / HTTP/1.1\r\n", limits: HeadLimits(requestLineBytes: 40)).error == .malformed)
    #expect(request(word, limits: HeadLimits(requestLineBytes: 20)).error == .uriTooLong, "the limit is met first")
  }

  @Test func theHeadMayBeAsLongAsItsLimit() {
    let limits = HeadLimits(headBytes: 60)
    func head(_ count: Int) -> String {
      "GET / HTTP/1.1\r\nHost: h\r\nX: " + String(repeating: "y", count: count - 32) + "\r\n\r\n"
    }
    #expect(head(60).utf8.count == 60)
    #expect(request(head(60), limits: limits).head?.consumed == 60)
    #expect(request("\r\n" + head(60), limits: limits).head?.consumed == 62)
    #expect(request(head(60) + "GET", limits: limits).head?.consumed == 60)
    #expect(request(head(61), limits: limits).error == .headTooLarge)
    #expect(request(Array(head(61).utf8.prefix(59)), limits: limits) == .incomplete)
    #expect(
      request(Array(head(61).utf8.prefix(60)), limits: limits).error == .headTooLarge, "nothing can end it any more")
    #expect(
      request("GET / HTTP/1.1\r\nHost: h\r\n" + String(repeating: "a", count: 100), limits: limits).error
        == .headTooLarge)
  }

  @Test func aStartLineThatFillsTheHeadIsTooLarge() {
    let limits = HeadLimits(requestLineBytes: 100, headBytes: 30)
    #expect(request("GET /" + String(repeating: "a", count: 60), limits: limits).error == .headTooLarge)
    #expect(response("HTTP/1.1 200 " + String(repeating: "a", count: 60), limits: limits).error == .headTooLarge)
  }

  @Test func thereMayBeAsManyFieldsAsTheLimit() {
    let limits = HeadLimits(fields: 5)
    func head(_ count: Int) -> String {
      "GET / HTTP/1.1\r\nHost: h\r\n" + String(repeating: "X: y\r\n", count: count - 1)
    }
    #expect(request(head(5) + "\r\n", limits: limits).head?.fields.count == 5)
    #expect(request(head(6) + "\r\n", limits: limits).error == .headTooLarge)
    #expect(request(head(5), limits: limits) == .incomplete)
    #expect(request(head(6), limits: limits).error == .headTooLarge, "without waiting for the end of the head")
  }

  @Test func responsesHaveTheSameLimits() {
    let line = "HTTP/1.1 200 " + String(repeating: "r", count: 27)
    #expect(response(line + "\r\n\r\n", limits: HeadLimits(requestLineBytes: 40)).head != nil)
    #expect(response(line + "r\r\n\r\n", limits: HeadLimits(requestLineBytes: 40)).error == .headTooLarge)
    #expect(response(line + "\r\n\r\n", limits: HeadLimits(headBytes: 44)).head?.consumed == 44)
    #expect(response(line + "\r\n\r\n", limits: HeadLimits(headBytes: 43)).error == .headTooLarge)
    #expect(response(line + "\r\nX: y\r\nX: y\r\n\r\n", limits: HeadLimits(fields: 2)).head?.fields.count == 2)
    #expect(response(line + "\r\nX: y\r\nX: y\r\n\r\n", limits: HeadLimits(fields: 1)).error == .headTooLarge)
  }

  @Test func connectionNamesAsManyFieldsAsThereMayBe() {
    let limits = HeadLimits(fields: 5)
    func fields(_ names: Int) -> String {
      "Connection: close, ,keep-alive,,upgrade, close\r\nConnection: a" + String(repeating: ",a", count: names - 1)
        + "\r\na: b\r\n\r\n"
    }
    for (names, isTaken) in [(5, true), (6, false)] {
      let request = request("GET / HTTP/1.1\r\nHost: h\r\n" + fields(names), limits: limits)
      let response = response("HTTP/1.1 200 OK\r\n" + fields(names), limits: limits)
      #expect(request.error == (isTaken ? nil : .headTooLarge))
      #expect(response.error == (isTaken ? nil : .headTooLarge))
      #expect(request.head?.fields.last?.isDropped == (isTaken ? true : nil))
      #expect(response.head?.fields.last?.isDropped == (isTaken ? true : nil))
    }
  }

  /// O(n), not O(n²): a megabyte that arrives byte by byte is searched once. Quadratic work would be 5·10¹¹ steps and run
  /// into the time limit.
  @Test(.timeLimit(.minutes(1))) func eachByteIsSearchedOnce() {
    let limits = HeadLimits(requestLineBytes: 1 << 20, headBytes: 1 << 20)
    let input = Array(("GET /" + String(repeating: "a", count: 400_000)).utf8)
    #expect(parseRequest(input, arriving: Array(0...input.count), limits: limits) == .incomplete)
    let fields = Array(("GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 400_000)).utf8)
    #expect(parseRequest(fields, arriving: Array(0...fields.count), limits: limits) == .incomplete)
  }
}
