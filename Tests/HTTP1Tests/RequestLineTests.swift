import HTTP
import HTTP1
import Testing

@Suite struct RequestLineTests {
  @Test func everyPartOfARequestIsFound() {
    let input =
      "POST /a/b%2F?c=d&e HTTP/1.1\r\nHost: 3000-x.Example:8443\r\nX-A:\t b c \t\r\nContent-Length: 12\r\nX-Empty:\r\n\r\n"
    #expect(
      request(input)
        == .complete(
          Request(
            consumed: input.utf8.count, method: .post, methodName: "POST", target: "/a/b%2F?c=d&e",
            authority: "3000-x.Example:8443",
            fields: [
              Field(name: "Host", value: "3000-x.Example:8443", known: .host, isDropped: false),
              Field(name: "X-A", value: "b c", known: .other, isDropped: false),
              Field(name: "Content-Length", value: "12", known: .contentLength, isDropped: false),
              Field(name: "X-Empty", value: "", known: .other, isDropped: false),
            ],
            body: .length(12))))
  }

  @Test(arguments: [
    Sample("GET / HTTP/1.1", UInt8(1)),
    Sample("GET / HTTP/1.0", 0),
    Sample("GET / HTTP/1.2", 1, "a higher minor version is read as ours"),
    Sample("GET / HTTP/1.9", 1, "a higher minor version is read as ours"),
  ])
  func versionOneIsTaken(_ sample: Sample<UInt8>) {
    #expect(request(sample.input + Array("\r\nHost: h\r\n\r\n".utf8)).head?.minorVersion == sample.expected)
  }

  @Test(arguments: [
    Sample("GET / HTTP/2.0", HeadError.unsupportedVersion),
    Sample("GET / HTTP/3.0", .unsupportedVersion),
    Sample("GET / HTTP/0.9", .unsupportedVersion),
    Sample("PRI * HTTP/2.0", .http2Preface, "RFC 9113 3.4"),
    Sample("GET * HTTP/2.0", .unsupportedVersion, "not the preface"),
    Sample("PRI / HTTP/2.0", .unsupportedVersion, "not the preface"),
    Sample("GET / http/1.1", .malformed, "the name is case-sensitive"),
    Sample("GET / HTTP/1.1 ", .malformed, "trailing space"),
    Sample("GET / HTTP/1.10", .malformed, "two digits"),
    Sample("GET / HTTP/11.1", .malformed, "two digits"),
    Sample("GET / HTTP/1", .malformed, "no minor version"),
    Sample("GET / HTTP/1,1", .malformed, "no dot"),
    Sample("GET / HTTP/x.1", .malformed, "no digit"),
    Sample("GET / HTTP/1.x", .malformed, "no digit"),
    Sample("GET / HTTPS1.1", .malformed, "no slash"),
    Sample("GET / XTTP/1.1", .malformed, "not HTTP"),
    Sample("GET /", .malformed, "HTTP/0.9"),
    Sample("GET", .malformed, "one word"),
    Sample("GET HTTP/1.1", .malformed, "no target"),
    Sample("GET  HTTP/1.1", .malformed, "empty target"),
    Sample("GET  / HTTP/1.1", .malformed, "two spaces"),
    Sample("GET /  HTTP/1.1", .malformed, "two spaces"),
    Sample("GET / / HTTP/1.1", .malformed, "space in the target"),
    Sample("GET\t/ HTTP/1.1", .malformed, "tab"),
    Sample("GET /\tHTTP/1.1", .malformed, "tab"),
    Sample(" GET / HTTP/1.1", .malformed, "leading space"),
    Sample("G:T / HTTP/1.1", .malformed, "method is a token"),
    Sample("GE\u{e9} / HTTP/1.1", .malformed, "method is a token"),
    Sample("CONNECT h:443 HTTP/1.1", .methodNotAllowed, "authority-form"),
    Sample("CONNECT / HTTP/1.1", .methodNotAllowed),
  ])
  func otherStartLinesAreRefused(_ sample: Sample<HeadError>) {
    #expect(request(sample.input + Array("\r\nHost: h\r\n\r\n".utf8)).error == sample.expected)
  }

  @Test func aBadStartLineIsRefusedAtItsEndNotAtTheHeadsEnd() {
    #expect(request("GET /\r\n").error == .malformed)
    #expect(request("GET / HTTP/2.0\r\n").error == .unsupportedVersion)
    #expect(request("GET / HTTP/1.1\r\n") == .incomplete)
  }

  @Test(arguments: [
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "get", "!#$%&'*+-.^_`|~19aZ",
  ])
  func anyMethodTokenButConnectPasses(_ method: String) {
    let head = request("\(method) / HTTP/1.1\r\nHost: h\r\n\r\n").head
    #expect(head?.methodName == method)
    let known: [String: Method] = [
      "GET": .get, "HEAD": .head, "POST": .post, "PUT": .put, "DELETE": .delete, "OPTIONS": .options, "TRACE": .trace,
      "PATCH": .patch,
    ]
    #expect(head?.method == known[method] ?? .other, "methods are case-sensitive (RFC 9110 9.1)")
  }

  @Test func aMethodHasAtMost32Bytes() {
    let longest = String(repeating: "M", count: 32)
    #expect(request("\(longest) / HTTP/1.1\r\nHost: h\r\n\r\n").head?.methodName == longest)
    #expect(request("M\(longest) / HTTP/1.1\r\nHost: h\r\n\r\n").error == .malformed)
    #expect(request(longest) == .incomplete)
    #expect(request("M\(longest)").error == .malformed, "without waiting for the end of the line")
  }

  @Test func garbageIsRefusedWithoutWaitingForALine() {
    #expect(request([0x16, 0x03, 0x01, 0x02, 0x00]).error == .malformed, "TLS ClientHello")
    #expect(request([0x00]).error == .malformed)
    #expect(request([0xFF]).error == .malformed)
    #expect(request(" ").error == .malformed)
    #expect(request("\n").error == .malformed)
    #expect(request("GET\r").error == .malformed)
    #expect(request("") == .incomplete)
    #expect(request("G") == .incomplete)
  }

  @Test func oneEmptyLineInFrontIsIgnoredAndConsumed() {
    let plain = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    #expect(request("\r\n" + plain).head?.consumed == plain.utf8.count + 2)
    #expect(request("\r\n" + plain).head?.target == "/")
    #expect(request("\r\n\r\n" + plain).error == .malformed)
    #expect(request("\n" + plain).error == .malformed)
    #expect(request("\r" + plain).error == .malformed)
    #expect(request("\r\n") == .incomplete)
    #expect(request("\r") == .incomplete)
  }

  @Test func whatFollowsTheHeadIsLeftAlone() {
    let first = "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
    for next in ["GET /2 HTTP/1.1\r\n", "\0\n\r", "\r\n\r\n"] {
      #expect(request(first + next).head?.consumed == first.utf8.count)
    }
  }

  @Test func aBareLineEndIsRefusedWhereverItStands() {
    let head = Array("GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n".utf8)
    for (index, byte) in head.enumerated() where byte == 0x0D {
      var bareLF = head
      bareLF.remove(at: index)
      #expect(request(bareLF).error != nil, "CR removed at \(index)")
      var bareCR = head
      bareCR.remove(at: index + 1)
      #expect(request(bareCR + [0x20]).error != nil, "LF removed at \(index)")
    }
    #expect(request("GET / HTTP/1.1\nHost: h\n\n").error == .malformed)
    #expect(request("GET / HTTP/1.1\r\nHost: h\n\n").error == .badHeader)
  }
}
