import HTTP
import HTTP1
import Testing

@Suite struct RequestFramingTests {
  static func lines(_ sample: [UInt8], version: String = "1.1") -> [UInt8] {
    Array("POST / HTTP/\(version)\r\nHost: h\r\n".utf8) + sample + Array("\r\n\r\n".utf8)
  }

  @Test(arguments: [
    Sample("X: y", BodyFraming.none, "no framing field, no body"),
    Sample("Content-Length: 0", .length(0)),
    Sample("content-length:5", .length(5)),
    Sample("Content-Length: \t7 ", .length(7)),
    Sample("Content-Length: 007", .length(7)),
    Sample("Content-Length: 9223372036854775807", .length(9_223_372_036_854_775_807), "2^63-1"),
    Sample("Content-Length: 0000000000000000000000000000000012", .length(12)),
    Sample("Transfer-Encoding: chunked", .chunked),
    Sample("transfer-encoding:\tChUnKeD ", .chunked),
  ])
  func oneFramingFieldHasOneMeaning(_ sample: Sample<BodyFraming>) {
    #expect(request(Self.lines(sample.input)).head?.body == sample.expected)
  }

  @Test(arguments: [
    Sample("Content-Length:", HeadError.malformed),
    Sample("Content-Length: +5", .malformed),
    Sample("Content-Length: -5", .malformed),
    Sample("Content-Length: 0x5", .malformed),
    Sample("Content-Length: 5a", .malformed),
    Sample("Content-Length: 5 5", .malformed),
    Sample("Content-Length: 5.0", .malformed),
    Sample("Content-Length: \"5\"", .malformed),
    Sample("Content-Length: 9223372036854775808", .malformed, "2^63"),
    Sample("Content-Length: 18446744073709551616", .malformed, "2^64"),
    Sample("Content-Length: 18446744073709551621", .malformed, "2^64+5"),
    Sample("Content-Length: 99999999999999999999999999999999", .malformed),
    Sample("Content-Length: 5, 5", .conflictingFraming, "a list"),
    Sample("Content-Length: 5,", .conflictingFraming, "a list"),
    Sample("Content-Length: ,5", .conflictingFraming, "a list"),
    Sample("Content-Length: 5\r\nContent-Length: 5", .conflictingFraming, "repeated"),
    Sample("Content-Length: 5\r\nX: y\r\ncontent-length: 6", .conflictingFraming, "repeated"),
    Sample("Content-Length: 5\r\nTransfer-Encoding: chunked", .conflictingFraming, "both"),
    Sample("Transfer-Encoding: chunked\r\nContent-Length: 5", .conflictingFraming, "both"),
    Sample("Transfer-Encoding: gzip, chunked\r\nContent-Length: 5", .conflictingFraming, "both"),
    Sample("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .conflictingFraming, "repeated"),
    Sample("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", .conflictingFraming, "repeated"),
    Sample("Transfer-Encoding:", .conflictingFraming, "empty"),
    Sample("Transfer-Encoding: ,chunked", .conflictingFraming, "empty element"),
    Sample("Transfer-Encoding: chunked,", .conflictingFraming, "empty element"),
    Sample("Transfer-Encoding: identity", .conflictingFraming, "not chunked in the end"),
    Sample("Transfer-Encoding: gzip", .conflictingFraming, "not chunked in the end"),
    Sample("Transfer-Encoding: xchunked", .conflictingFraming, "not chunked in the end"),
    Sample("Transfer-Encoding: chunkedx", .conflictingFraming, "not chunked in the end"),
    Sample("Transfer-Encoding: chunked, gzip", .conflictingFraming, "not chunked in the end"),
    Sample("Transfer-Encoding: chunked, chunked", .conflictingFraming, "chunked twice"),
    Sample("Transfer-Encoding: chunked, gzip, chunked", .conflictingFraming, "chunked twice"),
    Sample("Transfer-Encoding: chunked;q=1", .conflictingFraming, "a parameter"),
    Sample("Transfer-Encoding: \"chunked\"", .conflictingFraming, "quoted"),
    Sample("Transfer-Encoding: gzip chunked", .conflictingFraming, "no comma"),
    Sample("Transfer-Encoding: gz ip, chunked", .conflictingFraming, "not a token"),
    Sample("Transfer-Encoding: gzip, chunked", .unsupportedCoding),
    Sample("Transfer-Encoding: foo,bar ,\tCHUNKED", .unsupportedCoding),
    Sample("Transfer-Encoding: identity, chunked", .unsupportedCoding),
    Sample("Transfer-Encoding : chunked", .badHeader, "space before the colon"),
  ])
  func everyOtherFramingIsRefused(_ sample: Sample<HeadError>) {
    #expect(request(Self.lines(sample.input)).error == sample.expected)
  }

  @Test func http10HasNoTransferCodings() {
    #expect(request(Self.lines(Array("Content-Length: 5".utf8), version: "1.0")).head?.body == .length(5))
    #expect(request(Self.lines(Array("Transfer-Encoding: chunked".utf8), version: "1.0")).error == .conflictingFraming)
    #expect(
      request(Self.lines(Array("Transfer-Encoding: gzip, chunked".utf8), version: "1.0")).error == .conflictingFraming)
  }

  @Test func anyMethodMayHaveABody() {
    #expect(request("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n").head?.body == .length(5))
    #expect(request("HEAD / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n").head?.body == .chunked)
  }
}
