/// Every answer that Porthole itself makes: the `<stage>/<code>` word of `Porthole-Error`, and its status.
///
/// The words are part of the outside: they are listed in docs/errors.md, and none is ever renamed.
public enum Refusal: UInt8, CaseIterable, Sendable {
  // request: the message itself is at fault.
  case malformed, conflictingFraming, badHost, badTarget, badHeader, unsupportedVersion, unsupportedCoding
  case timeout, bodyTooLarge, uriTooLong, headTooLarge, methodNotAllowed, expectationFailed, plainHTTPOnTLS
  // route: there is nothing here. Unknown sandbox, unexposed port and refused port are one and the same.
  case notFound, misdirected
  // auth
  case unauthenticated, forbidden
  // lifecycle
  case starting, paused, terminated
  // limit
  case tooManyRequests, overloaded, draining
  // dial: the port could not be reached.
  case portClosed, dialFailed, dialTimeout
  // upstream: it was reached and let us down.
  case upstreamMalformed, upstreamClosed, upstreamReset, upstreamTimeout, upstreamTLS, upstreamHeadTooLarge
  // our own fault
  case internalError

  public var status: UInt16 {
    switch self {
    case .malformed, .conflictingFraming, .badHost, .badTarget, .badHeader, .plainHTTPOnTLS: 400
    case .unsupportedVersion: 505
    case .unsupportedCoding, .methodNotAllowed: 501
    case .timeout: 408
    case .bodyTooLarge: 413
    case .uriTooLong: 414
    case .expectationFailed: 417
    case .headTooLarge: 431
    case .notFound: 404
    case .misdirected: 421
    case .unauthenticated: 401
    case .forbidden: 403
    case .starting, .paused: 503
    case .terminated: 410
    case .tooManyRequests: 429
    case .overloaded, .draining: 503
    case .portClosed, .dialFailed: 502
    case .dialTimeout, .upstreamTimeout: 504
    case .upstreamMalformed, .upstreamClosed, .upstreamReset, .upstreamTLS, .upstreamHeadTooLarge: 502
    case .internalError: 500
    }
  }

  /// The value of `Porthole-Error`.
  public var word: StaticString {
    switch self {
    case .malformed: "request/malformed"
    case .conflictingFraming: "request/conflicting-framing"
    case .badHost: "request/bad-host"
    case .badTarget: "request/bad-target"
    case .badHeader: "request/bad-header"
    case .unsupportedVersion: "request/unsupported-version"
    case .unsupportedCoding: "request/unsupported-coding"
    case .timeout: "request/timeout"
    case .bodyTooLarge: "request/body-too-large"
    case .uriTooLong: "request/uri-too-long"
    case .headTooLarge: "request/head-too-large"
    case .methodNotAllowed: "request/method-not-supported"
    case .expectationFailed: "request/expectation-failed"
    case .plainHTTPOnTLS: "request/plain-http-on-tls-port"
    case .notFound: "route/not-found"
    case .misdirected: "route/misdirected"
    case .unauthenticated: "auth/unauthenticated"
    case .forbidden: "auth/forbidden"
    case .starting: "lifecycle/starting"
    case .paused: "lifecycle/paused"
    case .terminated: "lifecycle/terminated"
    case .tooManyRequests: "limit/too-many-requests"
    case .overloaded: "limit/overloaded"
    case .draining: "limit/draining"
    case .portClosed: "dial/port-closed"
    case .dialFailed: "dial/unreachable"
    case .dialTimeout: "dial/timeout"
    case .upstreamMalformed: "upstream/malformed"
    case .upstreamClosed: "upstream/closed"
    case .upstreamReset: "upstream/reset"
    case .upstreamTimeout: "upstream/timeout"
    case .upstreamTLS: "upstream/tls"
    case .upstreamHeadTooLarge: "upstream/head-too-large"
    case .internalError: "internal/error"
    }
  }

  /// One of `request`, `route`, `auth`, `lifecycle`, `limit`, `dial`, `upstream`, `internal`: the counter's label.
  public var stage: String { String("\(word)".prefix { $0 != "/" }) }
}
