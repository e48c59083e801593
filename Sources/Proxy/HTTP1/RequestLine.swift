import Bytes
import HTTP

/// `method SP request-target SP HTTP-version` (RFC 9112 §3), single spaces and nothing else.
struct RequestLine {
  /// No registered method has more than 17 bytes (RFC 9110 §18.2, `UPDATEREDIRECTREF`). A longer first word is not HTTP.
  static var methodBytesMax: Int { 32 }

  var method: Method
  var methodName: ByteRange
  var target: RequestTarget
  var minorVersion: UInt8

  /// Whether the bytes so far cannot become a request line, so that a TLS ClientHello or a shell's greeting gets its
  /// answer at once and not after a timeout.
  static func isHopeless(_ base: UnsafePointer<UInt8>, from: Int, to: Int) -> Bool {
    var at = from
    let last = from &+ min(to &- from, methodBytesMax &+ 1)
    while at < last, ByteClass.token.contains(base[at]) { at &+= 1 }
    if at == last { return last &- from > methodBytesMax }
    return base[at] != Byte.space || at == from
  }

  /// Reads `base[from..<to]`, which holds no control byte and is followed by CRLF.
  @inline(__always)
  static func read(_ base: UnsafePointer<UInt8>, from: Int, to: Int) -> Result<RequestLine, HeadError> {
    var at = from
    while at < to, ByteClass.token.contains(base[at]) { at &+= 1 }
    guard at < to, base[at] == Byte.space, at > from, at &- from <= methodBytesMax else { return .failure(.malformed) }
    let methodName = ByteRange(start: from, count: at &- from)
    let targetStart = at &+ 1

    // " HTTP/1.1" has nine bytes, and a target at least one.
    let targetEnd = to &- 9
    guard targetEnd > targetStart, base[targetEnd] == Byte.space else { return .failure(.malformed) }
    if isPreface(base, from: from, to: to) { return .failure(.http2Preface) }
    let minorVersion: UInt8
    switch HTTPVersion.read(base + (targetEnd &+ 1)) {
    case .malformed: return .failure(.malformed)
    case .unsupported: return .failure(.unsupportedVersion)
    case .minor(let minor): minorVersion = minor
    }

    // A fragment never travels (RFC 9110 §7.1); a space would make the line readable in two ways (RFC 9112 §3.2).
    let odd = Scan.first(Byte.space, or: Byte.hash, base, from: targetStart, to: targetEnd)
    guard odd == targetEnd else { return .failure(base[odd] == Byte.space ? .malformed : .badTarget) }

    let method = Method(methodName.bytes(in: base))
    if method == .connect { return .failure(.methodNotAllowed) }
    guard let target = RequestTarget.read(base, from: targetStart, to: targetEnd, method: method) else {
      return .failure(.badTarget)
    }
    return .success(RequestLine(method: method, methodName: methodName, target: target, minorVersion: minorVersion))
  }

  /// RFC 9113 §3.4: the first line of the connection preface, chosen so that HTTP/1 servers choke on it.
  @inline(__always)
  private static func isPreface(_ base: UnsafePointer<UInt8>, from: Int, to: Int) -> Bool {
    to &- from == 14 && base[from] == 0x50
      && ASCII.equals(UnsafeBufferPointer(start: base + from, count: 14), "PRI * HTTP/2.0")
  }
}

/// `HTTP-name "/" DIGIT "." DIGIT` (RFC 9112 §2.3); the name is case-sensitive.
enum HTTPVersion {
  case malformed, unsupported
  /// 0 or 1. A higher minor version is read as 1.1, the highest that we conform to (RFC 9110 §2.5).
  case minor(UInt8)

  /// Reads eight bytes.
  @inline(__always)
  static func read(_ bytes: UnsafePointer<UInt8>) -> HTTPVersion {
    // "HTTP/" major "." minor, the first byte lowest.
    let word = UInt64(littleEndian: UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self))
    if word == 0x312E_312F_5054_5448 { return .minor(1) }
    guard word & 0x00FF_00FF_FFFF_FFFF == 0x002E_002F_5054_5448, ASCII.isDigit(bytes[5]), ASCII.isDigit(bytes[7]) else {
      return .malformed
    }
    guard bytes[5] == 0x31 else { return .unsupported }
    return .minor(bytes[7] == 0x30 ? 0 : 1)
  }
}
