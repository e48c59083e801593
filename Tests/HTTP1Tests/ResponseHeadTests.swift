import HTTP
import HTTP1
import Testing

@Suite struct ResponseHeadTests {
  @Test func everyPartOfAResponseIsFound() {
    let input = "HTTP/1.1 404 Not \t Found\u{e9}\r\nContent-Length: 3\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n"
    #expect(
      response(input + "abc")
        == .complete(
          Response(
            consumed: input.utf8.count, status: 404, reason: "Not \t Found\u{e9}",
            fields: [
              Field(name: "Content-Length", value: "3", known: .contentLength, isDropped: false),
              Field(name: "Set-Cookie", value: "a", known: .setCookie, isDropped: false),
              Field(name: "Set-Cookie", value: "b", known: .setCookie, isDropped: false),
            ],
            body: .length(3), keepAlive: true)))
  }

  @Test(arguments: [
    Sample("HTTP/1.1 200 OK", "200 1 OK"),
    Sample("HTTP/1.0 200 OK", "200 0 OK"),
    Sample("HTTP/1.7 200 OK", "200 1 OK"),
    Sample("HTTP/1.1 100 ", "100 1 "),
    Sample("HTTP/1.1 599", "599 1 ", "the space before an empty reason is often forgotten"),
    Sample("HTTP/1.1 299  two", "299 1  two"),
    Sample("HTTP/1.1 101 Switching Protocols", "101 1 Switching Protocols"),
  ])
  func statusLinesAreTaken(_ sample: Sample<String>) {
    let head = response(sample.input + Array("\r\n\r\n".utf8)).head
    #expect(head.map { "\($0.status) \($0.minorVersion) \($0.reason)" } == sample.expected)
  }

  @Test(arguments: [
    Sample("HTTP/2.0 200 OK", HeadError.unsupportedVersion),
    Sample("HTTP/2 200 OK", .malformed),
    Sample("http/1.1 200 OK", .malformed),
    Sample("HTTP/1.1  200 OK", .malformed),
    Sample("HTTP/1.1\t200 OK", .malformed),
    Sample("HTTP/1.1 200\tOK", .malformed),
    Sample("HTTP/1.1 2000 OK", .malformed),
    Sample("HTTP/1.1 20 OK", .malformed),
    Sample("HTTP/1.1 20", .malformed),
    Sample("HTTP/1.1 2x0 OK", .malformed),
    Sample("HTTP/1.1 -20 OK", .malformed),
    Sample("HTTP/1.1 099 OK", .malformed),
    Sample("HTTP/1.1 600 OK", .malformed),
    Sample("HTTP/1.1 999 OK", .malformed),
    Sample("HTTP/1.1 200 O\u{1}K", .malformed),
    Sample("HTTP/1.1 200 O\nK", .malformed),
    Sample("HTTP/1.1 200 O\rK", .malformed),
    Sample("HTTP/1.1", .malformed),
    Sample("HTTP/1.1 ", .malformed),
    Sample("ICY 200 OK", .malformed),
    Sample(" HTTP/1.1 200 OK", .malformed),
    Sample("\r\nHTTP/1.1 200 OK", .malformed, "no empty line in front of a response"),
    Sample("GET / HTTP/1.1", .malformed, "a request"),
  ])
  func otherStatusLinesAreRefused(_ sample: Sample<HeadError>) {
    #expect(response(sample.input + Array("\r\nX: y\r\n\r\n".utf8)).error == sample.expected)
  }

  @Test func aPortThatDoesNotSpeakHTTPIsKnownByItsFirstBytes() {
    #expect(response("SSH").error == .malformed)
    #expect(response("2").error == .malformed)
    #expect(response([0x15, 0x03, 0x03]).error == .malformed, "a TLS alert")
    #expect(response("HTTQ").error == .malformed)
    #expect(response("HTTP") == .incomplete)
    #expect(response("") == .incomplete)
  }

  @Test func aBadStatusLineIsRefusedAtItsEndNotAtTheHeadsEnd() {
    #expect(response("HTTP/1.1 777 x\r\n").error == .malformed)
    #expect(response("HTTP/1.1 200 OK\r\n") == .incomplete)
  }

  @Test(arguments: [
    Sample("X: y", BodyFraming.untilEnd),
    Sample("Content-Length: 0", .length(0)),
    Sample("Content-Length: 12", .length(12)),
    Sample("Transfer-Encoding: Chunked", .chunked),
  ])
  func bodiesEndAsTheFieldsSay(_ sample: Sample<BodyFraming>) {
    #expect(
      response(Array("HTTP/1.1 200 OK\r\n".utf8) + sample.input + Array("\r\n\r\n".utf8)).head?.body == sample.expected)
  }

  @Test(arguments: [
    Sample("Content-Length: 1, 1", HeadError.conflictingFraming),
    Sample("Content-Length: 1\r\nContent-Length: 1", .conflictingFraming),
    Sample("Content-Length: 1\r\nTransfer-Encoding: chunked", .conflictingFraming),
    Sample("Content-Length: x", .malformed),
    Sample("Content-Length:", .malformed),
    Sample("Transfer-Encoding: identity", .conflictingFraming),
    Sample("Transfer-Encoding: gzip", .conflictingFraming),
    Sample("Transfer-Encoding: chunked, chunked", .conflictingFraming),
    Sample("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .conflictingFraming),
    Sample("Transfer-Encoding: gzip, chunked", .unsupportedCoding),
  ])
  func ambiguousFramingIsRefusedWhateverTheStatus(_ sample: Sample<HeadError>) {
    for status in ["200 OK", "304 Not Modified", "204 No Content", "103 Early Hints"] {
      let input = Array("HTTP/1.1 \(status)\r\n".utf8) + sample.input + Array("\r\n\r\n".utf8)
      #expect(response(input).error == sample.expected)
      #expect(response(input, to: .head).error == sample.expected)
    }
  }

  @Test(arguments: ["100 Continue", "103 Early Hints", "101 Switching Protocols", "204 No Content", "304 Not Modified"])
  func someStatusesNeverHaveABody(_ status: String) {
    for fields in ["X: y", "Content-Length: 5"] {
      let head = response("HTTP/1.1 \(status)\r\n\(fields)\r\n\r\n").head
      #expect(head?.body == BodyFraming.none)
      #expect(head?.keepAlive == true)
      #expect(head?.fields.count == 1)
    }
  }

  @Test func answersToHeadHaveNoBody() {
    for fields in ["X: y", "Content-Length: 5", "Transfer-Encoding: chunked"] {
      let input = "HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n"
      #expect(response(input, to: .head).head?.body == BodyFraming.none)
      #expect(response(input, to: .head).head?.keepAlive == true)
      #expect(response(input, to: .get).head?.body != BodyFraming.none)
    }
    #expect(response("HTTP/1.1 200 OK\r\n\r\n", to: .connect).head?.body == BodyFraming.none)
    #expect(response("HTTP/1.1 300 x\r\n\r\n", to: .connect).head?.body == .untilEnd)
  }

  @Test func aTransferCodingWhereThereCanBeNoneIsRefused() {
    for status in ["100", "101", "199", "204"] {
      #expect(response("HTTP/1.1 \(status) x\r\nTransfer-Encoding: chunked\r\n\r\n").error == .conflictingFraming)
      #expect(
        response("HTTP/1.1 \(status) x\r\nTransfer-Encoding: chunked\r\n\r\n", to: .head).error == .conflictingFraming)
    }
    #expect(response("HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n").head?.body == BodyFraming.none)
    #expect(response("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").error == .conflictingFraming)
  }

  @Test(arguments: [
    Sample("HTTP/1.1 200 OK\r\nContent-Length: 0", true),
    Sample("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close", false),
    Sample("HTTP/1.0 200 OK\r\nContent-Length: 0", false),
    Sample("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive", true),
    Sample("HTTP/1.1 200 OK\r\nConnection: keep-alive", false, "only the close ends the body"),
    Sample("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", true),
  ])
  func persistence(_ sample: Sample<Bool>) {
    #expect(response(sample.input + Array("\r\n\r\n".utf8)).head?.keepAlive == sample.expected)
  }

  @Test func fieldsThatConnectionNamesAreDropped() {
    let head = response("HTTP/1.1 200 OK\r\nX-Hop: 1\r\nConnection: x-hop\r\nX-Stay: 2\r\n\r\n").head
    #expect(head?.fields.map(\.isDropped) == [true, false, false])
  }

  @Test func anEmptyHeadIsAHead() {
    #expect(response("HTTP/1.1 200 OK\r\n\r\n").head?.fields == [])
  }
}
