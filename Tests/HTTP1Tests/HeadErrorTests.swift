import HTTP
import HTTP1
import Testing

@Suite struct HeadErrorTests {
  @Test func eachFaultOfAClientHasItsStatus() {
    let expected: [HeadError: UInt16] = [
      .malformed: 400, .conflictingFraming: 400, .badHost: 400, .badTarget: 400, .badHeader: 400,
      .unsupportedVersion: 505, .unsupportedCoding: 501, .uriTooLong: 414, .headTooLarge: 431, .methodNotAllowed: 501,
      .expectationFailed: 417, .http2Preface: 505,
    ]
    for error in HeadError.allCases {
      #expect(error.refusal.status == expected[error], "\(error)")
      #expect(error.refusal.stage == "request")
    }
  }

  @Test func eachFaultOfASandboxIsABadGateway() {
    for error in HeadError.allCases {
      #expect(error.upstreamRefusal.status == 502)
      #expect(error.upstreamRefusal.stage == "upstream")
    }
    #expect(HeadError.headTooLarge.upstreamRefusal == .upstreamHeadTooLarge)
    #expect(HeadError.malformed.upstreamRefusal == .upstreamMalformed)
  }
}
