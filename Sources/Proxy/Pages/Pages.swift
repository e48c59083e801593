public import HTTP

/// The two forms of an answer that Porthole makes itself.
public enum BodyKind: Sendable, CaseIterable {
  /// A page for people, where a browser navigates.
  case html
  /// RFC 9457, for everybody else.
  case problem

  public var contentType: StaticString {
    switch self {
    case .html: "text/html; charset=utf-8"
    case .problem: "application/problem+json"
    }
  }
}

/// What an answer may mention besides the refusal itself. Any text is safe here: it is escaped where it is inserted.
public struct PageContext: Sendable {
  /// The host as the client sent it.
  public var host: String
  public var requestID: String
  /// The value of `Retry-After`, where one is sent.
  public var retryAfterSeconds: Int?
  /// The port inside the sandbox, for the pages that speak of it.
  public var port: UInt16?
  /// Whether the page shall follow by itself. Only pages of `Pages.mayFollow` do; GET navigations only, please.
  public var follows: Bool

  public init(
    host: String, requestID: String, retryAfterSeconds: Int? = nil, port: UInt16? = nil, follows: Bool = false
  ) {
    self.host = host
    self.requestID = requestID
    self.retryAfterSeconds = retryAfterSeconds
    self.port = port
    self.follows = follows
  }
}

/// The bodies of our own answers. Off the hot path: clarity and allocation are both fine here.
public enum Pages {
  /// Appends the body. Its `Content-Type` is that of `kind`; `headers(_:)` says what else belongs to it.
  public static func render(
    _ refusal: Refusal, as kind: BodyKind, context: PageContext, into body: inout [UInt8]
  ) {
    switch kind {
    case .html: body.append(contentsOf: HTMLPage.text(refusal, context).utf8)
    case .problem: body.append(contentsOf: ProblemDocument.text(refusal, context).utf8)
    }
  }

  /// Fields that go with such a body, names in lower case. `Porthole-Error`, `Retry-After` and the length are the
  /// caller's.
  public static func headers(_ kind: BodyKind) -> [(name: StaticString, value: StaticString)] {
    let common: [(name: StaticString, value: StaticString)] = [
      ("content-type", kind.contentType),
      // What is wrong now may be right in a second; and a page at an app's URL must not outlive its reason.
      ("cache-control", "no-store"),
      ("x-content-type-options", "nosniff"),
    ]
    guard kind == .html else { return common }
    return common + [
      ("content-security-policy", contentSecurityPolicy),
      ("referrer-policy", "no-referrer"),
    ]
  }

  /// Nothing but the page's own style and script, by their hashes, and requests to the page's own origin, with which it
  /// looks whether it can follow. No `frame-ancestors`: previews are embedded, and there is nothing to click on.
  public static let contentSecurityPolicy: StaticString = """
    default-src 'none'; style-src 'sha256-H454STYGtWf1iFVhzmR+X+4k/Vpgn0nmUlXaDfmFp/o='; \
    script-src 'sha256-B6d3bKwgmCJk9n2D7JHTecIcf1UqX7Dw5Swn1cB3AV8='; \
    connect-src 'self'; base-uri 'none'; form-action 'none'
    """

  /// Refusals that end by themselves, soon: a page about them may wait and then make way.
  public static func mayFollow(_ refusal: Refusal) -> Bool {
    switch refusal {
    case .starting, .paused, .portClosed, .dialTimeout, .draining, .overloaded: true
    default: false
    }
  }
}
