import HTTP
import HTTP1
import Testing

@Suite struct FieldLineTests {
  @Test(arguments: [
    Sample("X:y", "y"),
    Sample("X: y", "y"),
    Sample("X:  \t y z\t ", "y z", "whitespace around the value is not part of it"),
    Sample("X:", ""),
    Sample("X: \t ", ""),
    Sample("X: a:b: c", "a:b: c"),
    Sample("X: \u{e9}\u{20ac}", "\u{e9}\u{20ac}", "obs-text"),
    Sample("X: 01234567\t89abcdef", "01234567\t89abcdef", "a tab within"),
  ])
  func valuesAreTrimmedAndOtherwiseUntouched(_ sample: Sample<String>) {
    let line = Array("GET / HTTP/1.1\r\nHost: h\r\n".utf8) + sample.input + Array("\r\n\r\n".utf8)
    let field = request(line).head?.fields.last
    #expect(field?.name == "X")
    #expect(field?.value == sample.expected)
  }

  @Test(arguments: [
    "X", ":", ": y", "X : y", "X\t: y", " X: y", "\tX: y", "X Y: z", "X\u{e9}: y", "X(: y", "(X): y", "X;: y",
    "\"X\": y", "X y",
    "X: y\r\n z", "X: y\r\n\tz", "X: y\r\n ", "X: y\r\n : z", "X: y\rZ: z", "X: y\nZ: z", "X: y\r\rZ: z", "X: \0",
    "X: \u{7f}", "X: \u{b}",
    "X: \u{1b}", "X\0: y",
  ])
  func otherLinesAreRefused(_ line: String) {
    #expect(request("GET / HTTP/1.1\r\nHost: h\r\n\(line)\r\n\r\n").error == .badHeader)
    #expect(request("GET / HTTP/1.1\r\n\(line)\r\nHost: h\r\n\r\n").error == .badHeader)
    #expect(response("HTTP/1.1 200 OK\r\n\(line)\r\nX: y\r\n\r\n").error == .badHeader)
  }

  @Test func everyNameByteIsAllowedOrNot() {
    let token = Set("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
    for byte in UInt8.min...UInt8.max where byte != 0x3A {
      let input = Array("GET / HTTP/1.1\r\nHost: h\r\nX".utf8) + [byte] + Array("Y: z\r\n\r\n".utf8)
      #expect((parseRequest(input, arriving: [input.count]).head != nil) == token.contains(byte), "\(byte)")
    }
  }

  @Test func everyValueByteIsAllowedOrNotWhereverItStands() {
    for byte in UInt8.min...UInt8.max {
      let isAllowed = byte == 0x09 || (byte >= 0x20 && byte != 0x7F)
      for place in 0..<17 {
        var value = Array("0123456789abcdef".utf8)
        value.insert(byte, at: place)
        let input = Array("GET / HTTP/1.1\r\nHost: h\r\nX: ".utf8) + value + Array("\r\n\r\n".utf8)
        let answer = parseRequest(input, arriving: [input.count])
        #expect((answer.head != nil) == isAllowed, "byte \(byte) at \(place)")
      }
    }
  }
}
