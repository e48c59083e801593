public import Bytes

/// Request methods (RFC 9110 §9, RFC 5789). Any other token is `.other` and is forwarded as it came.
@frozen
public enum Method: UInt8, Sendable {
  case get, head, post, put, delete, options, trace, patch, connect, other

  @inlinable
  public init(_ token: UnsafeBufferPointer<UInt8>) {
    switch token.count {
    case 3: self = ASCII.equals(token, "GET") ? .get : ASCII.equals(token, "PUT") ? .put : .other
    case 4: self = ASCII.equals(token, "POST") ? .post : ASCII.equals(token, "HEAD") ? .head : .other
    case 5: self = ASCII.equals(token, "PATCH") ? .patch : ASCII.equals(token, "TRACE") ? .trace : .other
    case 6: self = ASCII.equals(token, "DELETE") ? .delete : .other
    case 7: self = ASCII.equals(token, "OPTIONS") ? .options : ASCII.equals(token, "CONNECT") ? .connect : .other
    default: self = .other
    }
  }

  /// RFC 9110 §9.2.2: doing it twice intends the same as doing it once, so a lost attempt may be repeated.
  @inlinable public var isIdempotent: Bool {
    switch self {
    case .get, .head, .put, .delete, .options, .trace: true
    case .post, .patch, .connect, .other: false
    }
  }
}
