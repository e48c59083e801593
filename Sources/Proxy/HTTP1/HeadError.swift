public import HTTP

/// Why a head was refused. Every case ends the connection: after a head that we would not read, nobody knows where the
/// next message begins.
public enum HeadError: UInt8, Error, Sendable, CaseIterable {
  /// The start line, or a number that framing depends on, is not what the grammar says.
  case malformed
  /// More than one way to find the end of the body (RFC 9112 §6.3, §11.2).
  case conflictingFraming
  /// `Host` is missing, repeated, not a host, or not the host of an absolute-form target (RFC 9112 §3.2).
  case badHost
  /// The request target is in none of the forms that this method allows (RFC 9112 §3.2).
  case badTarget
  /// A field line is not `token ":" OWS value OWS`, or a control byte stands where no line may end (RFC 9112 §5).
  case badHeader
  /// Well-formed, but neither HTTP/1.0 nor HTTP/1.x (RFC 9110 §15.6.6).
  case unsupportedVersion
  /// A transfer coding besides `chunked`, correctly framed by a final `chunked` (RFC 9112 §6.1).
  case unsupportedCoding
  /// The request line is longer than the limit.
  case uriTooLong
  /// The head has more bytes or more fields than the limit.
  case headTooLarge
  /// CONNECT: this is no forward proxy.
  case methodNotAllowed
  /// `Expect` asks for something other than `100-continue` (RFC 9110 §10.1.1).
  case expectationFailed
  /// `PRI * HTTP/2.0`: a client that speaks HTTP/2 by prior knowledge (RFC 9113 §3.4). The owner of the connection may
  /// hand the bytes to HTTP/2 instead of refusing.
  case http2Preface

  /// The answer to a client whose request head this was.
  public var refusal: Refusal {
    switch self {
    case .malformed: .malformed
    case .conflictingFraming: .conflictingFraming
    case .badHost: .badHost
    case .badTarget: .badTarget
    case .badHeader: .badHeader
    case .unsupportedVersion, .http2Preface: .unsupportedVersion
    case .unsupportedCoding: .unsupportedCoding
    case .uriTooLong: .uriTooLong
    case .headTooLarge: .headTooLarge
    case .methodNotAllowed: .methodNotAllowed
    case .expectationFailed: .expectationFailed
    }
  }

  /// The answer to a client when it was the sandbox's response head.
  public var upstreamRefusal: Refusal {
    switch self {
    case .headTooLarge, .uriTooLong: .upstreamHeadTooLarge
    case .malformed, .conflictingFraming, .badHost, .badTarget, .badHeader, .unsupportedVersion, .unsupportedCoding,
      .methodNotAllowed, .expectationFailed, .http2Preface:
      .upstreamMalformed
    }
  }
}

/// What a parser made of the bytes so far.
public enum HeadOutcome: Equatable {
  /// More bytes could still make this a head.
  case incomplete
  /// The head is the first `consumed` bytes, an empty line before it and the one after it included.
  case complete(consumed: Int)
  /// No more bytes can make this a head. The head that was being filled holds what was read before the fault: good for
  /// a log line, not for forwarding.
  case refused(HeadError)
}
