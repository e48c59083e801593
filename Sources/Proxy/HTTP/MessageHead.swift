public import Bytes

/// How a message's body ends on the wire (RFC 9112 §6.3, RFC 9113 §8.1).
@frozen
public enum BodyFraming: Equatable, Sendable {
  /// No body at all.
  case none
  /// Exactly this many bytes.
  case length(UInt64)
  /// Chunked transfer coding.
  case chunked
  /// HTTP/2: until END_STREAM. HTTP/1.1 responses: until the connection closes.
  case untilEnd
}

/// What a request wants to turn its connection into (RFC 9110 §7.8, RFC 8441).
@frozen
public enum UpgradeKind: UInt8, Sendable {
  case none, webSocket, other
}

/// A request's head, version-free. A borrowed view: ranges point into `headers.base`.
public struct RequestHead {
  public var method: Method = .other
  public var methodName: ByteRange = .empty
  /// Path and query exactly as they came, in origin-form (`/a?b`), or `*` for `OPTIONS *`. Never empty.
  public var target: ByteRange = .empty
  /// `Host`, `:authority`, or the authority of an absolute-form target; host and optional `:port`.
  public var authority: ByteRange = .empty
  public var headers: HeaderList
  public var body: BodyFraming = .none
  public var upgrade: UpgradeKind = .none
  /// HTTP/1.x minor version: 0 or 1. HTTP/2 heads say 1.
  public var minorVersion: UInt8 = 1
  /// Whether the connection may carry another request (RFC 9112 §9.3).
  public var keepAlive: Bool = true
  public var expectsContinue: Bool = false

  public init(headers: HeaderList) { self.headers = headers }
}

/// A response's head, version-free. A borrowed view: ranges point into `headers.base`.
public struct ResponseHead {
  public var status: UInt16 = 0
  /// HTTP/1.1 only, may be empty.
  public var reason: ByteRange = .empty
  public var headers: HeaderList
  public var body: BodyFraming = .none
  public var minorVersion: UInt8 = 1
  public var keepAlive: Bool = true

  public init(headers: HeaderList) { self.headers = headers }

  /// 100–199 except 101, which ends the HTTP part of the connection.
  @inlinable public var isInterim: Bool { status < 200 && status != 101 }
}

/// What a head may weigh. A head that is larger is refused with 431 or 414, never truncated.
@frozen
public struct HeadLimits: Sendable {
  /// Bytes of the request line, the line ending not counted.
  public var requestLineBytes: Int
  /// Bytes of the whole head, from the request line to the empty line.
  public var headBytes: Int
  /// Number of fields.
  public var fields: Int

  @inlinable
  public init(requestLineBytes: Int = 16_384, headBytes: Int = 65_536, fields: Int = 128) {
    self.requestLineBytes = requestLineBytes
    self.headBytes = headBytes
    self.fields = fields
  }
}
