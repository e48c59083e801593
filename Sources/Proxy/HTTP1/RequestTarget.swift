import Bytes
import HTTP

/// The request target (RFC 9112 §3.2), brought to what is sent on: path and query, or `*`.
struct RequestTarget {
  /// Never empty. Byte for byte what came; of an absolute-form target only the path and query.
  var path: ByteRange
  /// The authority of an absolute-form target, else empty.
  var authority: ByteRange = .empty
  /// That of an absolute-form target's scheme.
  var defaultPort: Int32 = 0

  static var none: RequestTarget { RequestTarget(path: .empty) }

  /// nil when it is in no form that this method allows. The bytes hold no control byte, no space and no `#`.
  @inline(__always)
  static func read(_ base: UnsafePointer<UInt8>, from: Int, to: Int, method: Method) -> RequestTarget? {
    let whole = RequestTarget(path: ByteRange(start: from, count: to &- from))
    if base[from] == Byte.slash { return whole }
    // §3.2.4: asterisk-form is for OPTIONS alone.
    if base[from] == Byte.asterisk { return method == .options && to &- from == 1 ? whole : nil }
    return readAbsolute(base, from: from, to: to, method: method)
  }

  /// absolute-form (§3.2.2): what clients send to proxies, and what every server has to take.
  private static func readAbsolute(
    _ base: UnsafePointer<UInt8>, from: Int, to: Int, method: Method
  ) -> RequestTarget? {
    let colon = Scan.first(Byte.colon, base, from: from, to: to)
    guard let defaultPort = defaultPort(UnsafeBufferPointer(start: base + from, count: colon &- from)) else {
      return nil
    }
    guard colon &+ 3 < to, base[colon &+ 1] == Byte.slash, base[colon &+ 2] == Byte.slash else { return nil }
    let start = colon &+ 3
    let end = Scan.first(Byte.slash, or: Byte.question, base, from: start, to: to)
    let authority = ByteRange(start: start, count: end &- start)
    // RFC 9110 §4.2.4: userinfo in a URI from an untrusted source is an attempt to look like another host.
    guard Authority(authority.bytes(in: base)) != nil else { return nil }

    if end < to {
      // `http://host?query` stands for `/?query`, which is nowhere in the buffer, and no client sends it.
      guard base[end] == Byte.slash else { return nil }
      return RequestTarget(
        path: ByteRange(start: end, count: to &- end), authority: authority, defaultPort: defaultPort)
    }
    // §3.2.4: an OPTIONS without a path means `*`, which is nowhere in the buffer either.
    guard method != .options else { return nil }
    // The empty path is `/` (§3.2.1), and the second slash before the authority is one.
    return RequestTarget(
      path: ByteRange(start: start &- 1, count: 1), authority: authority, defaultPort: defaultPort)
  }

  private static func defaultPort(_ scheme: UnsafeBufferPointer<UInt8>) -> Int32? {
    if ASCII.equalsIgnoringCase(scheme, "http") { return 80 }
    if ASCII.equalsIgnoringCase(scheme, "https") { return 443 }
    return nil
  }
}
