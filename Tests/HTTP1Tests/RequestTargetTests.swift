import HTTP
import HTTP1
import Testing

@Suite struct RequestTargetTests {
  @Test(arguments: [
    Sample("GET /", "/"),
    Sample("GET //x//y", "//x//y", "nothing is merged"),
    Sample("GET /a/../b/./c", "/a/../b/./c", "nothing is resolved"),
    Sample("GET /%2e%2E/%zz%", "/%2e%2E/%zz%", "nothing is decoded"),
    Sample("GET /?", "/?"),
    Sample("GET /a?b?c=/http://x", "/a?b?c=/http://x"),
    Sample("GET /\\|<>\"{}^`[]", "/\\|<>\"{}^`[]", "browsers send these"),
    Sample("GET /\u{e4}", "/\u{e4}", "bytes from 0x80 up"),
    Sample("OPTIONS *", "*"),
    Sample("OPTIONS /x", "/x"),
    Sample("GET http://h/a?b", "/a?b"),
    Sample("GET HTTPS://h/a?b", "/a?b", "the scheme in any case"),
    Sample("GET http://h/", "/"),
    Sample("GET http://h", "/", "an empty path is /"),
    Sample("GET http://h:80//", "//"),
    Sample("OPTIONS http://h/x", "/x"),
  ])
  func pathAndQueryPassByteForByte(_ sample: Sample<String>) {
    let head = request(sample.input + Array(" HTTP/1.1\r\nHost: h\r\n\r\n".utf8)).head
    #expect(head?.target == sample.expected)
  }

  @Test(arguments: [
    "GET *", "GET **", "OPTIONS **", "OPTIONS */", "GET a", "GET ?a", "GET h:80", "GET #", "GET /#", "GET /a#b",
    "GET http:",
    "GET http:/", "GET http://", "GET http:///", "GET http:h", "GET http:/h", "GET http:/h/x", "GET ftp://h/",
    "GET ws://h/", "GET http//h/", "GET http://u@h/", "GET http://u:p@h/", "GET http://@h/", "GET http://h@/",
    "GET http://h?x", "GET http://?x", "GET http://h:/", "GET http://h:x/", "GET http://h,h/", "GET http://h\\@x/",
    "GET http://h:65536/", "GET http://[::1/", "GET httpx://h/", "GET http://h#", "OPTIONS http://h",
  ])
  func otherTargetsAreRefused(_ line: String) {
    #expect(request("\(line) HTTP/1.1\r\nHost: h\r\n\r\n").error == .badTarget)
  }

  @Test func everyTargetByteIsAllowedOrNot() {
    for byte in UInt8.min...UInt8.max {
      let input = Array("GET /a".utf8) + [byte] + Array("bcdefgh HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
      let answer = parseRequest(input, arriving: [input.count])
      switch byte {
      case 0x00...0x20, 0x7F: #expect(answer.error == .malformed, "\(byte)")
      case 0x23: #expect(answer.error == .badTarget)
      default: #expect(answer.head != nil, "\(byte)")
      }
    }
  }

  @Test(arguments: [
    Sample("http://h/ h", "h"),
    Sample("http://H.Example/ h.eXAMPLE", "H.Example", "in any case; the target's spelling wins"),
    Sample("http://h/ h:80", "h", "the scheme's default port is as good as none"),
    Sample("http://h:80/ h", "h:80"),
    Sample("https://h:443/ h", "h:443"),
    Sample("https://h/ h:443", "h"),
    Sample("http://h:8080/ h:8080", "h:8080"),
    Sample("http://[::1]:8080/ [::1]:8080", "[::1]:8080"),
  ])
  func anAbsoluteTargetThatAgreesWithHostIsTaken(_ sample: Sample<String>) {
    let parts = String(decoding: sample.input, as: UTF8.self).split(separator: " ")
    #expect(request("GET \(parts[0]) HTTP/1.1\r\nHost: \(parts[1])\r\n\r\n").head?.authority == sample.expected)
  }

  @Test(arguments: [
    "http://h/ g", "http://h/ hh", "http://h/ h:81", "http://h:81/ h", "http://h:443/ h", "https://h:80/ h",
    "https://h/ h:80", "http://h:8080/ h:8081", "http://[::1]/ [::2]",
  ])
  func anAbsoluteTargetThatContradictsHostIsRefused(_ pair: String) {
    let parts = pair.split(separator: " ")
    #expect(request("GET \(parts[0]) HTTP/1.1\r\nHost: \(parts[1])\r\n\r\n").error == .badHost)
  }

  @Test func anAbsoluteTargetDoesNotReplaceHost() {
    #expect(request("GET http://h/ HTTP/1.1\r\nX: y\r\n\r\n").error == .badHost)
    #expect(request("GET http://h/ HTTP/1.0\r\nX: y\r\n\r\n").head?.authority == "h")
  }
}
