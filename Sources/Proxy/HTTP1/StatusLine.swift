import Bytes
import HTTP

/// `HTTP-version SP status-code [ SP reason-phrase ]` (RFC 9112 §4).
enum StatusLine {
  /// Whether the bytes so far cannot become a status line: an SSH or SMTP banner from a port that does not speak HTTP.
  static func isHopeless(_ base: UnsafePointer<UInt8>, to: Int) -> Bool {
    let name: StaticString = "HTTP/"
    let end = min(to, 5)
    var at = 0
    while at < end {
      if base[at] != name.utf8Start[at] { return true }
      at &+= 1
    }
    return false
  }

  /// Reads `base[0..<to]`, which holds no control byte but HTAB and is followed by CRLF.
  static func read(_ base: UnsafePointer<UInt8>, to: Int, into head: inout ResponseHead) -> HeadError? {
    // "HTTP/1.1 200"
    guard to >= 12, base[8] == Byte.space else { return .malformed }
    switch HTTPVersion.read(base) {
    case .malformed: return .malformed
    case .unsupported: return .unsupportedVersion
    case .minor(let minor): head.minorVersion = minor
    }
    guard ASCII.isDigit(base[9]), ASCII.isDigit(base[10]), ASCII.isDigit(base[11]) else { return .malformed }
    let hundreds = UInt16(base[9] &- 0x30)
    // RFC 9110 §15: codes from 600 up are invalid, and nobody agrees on how to take them.
    guard hundreds >= 1, hundreds <= 5 else { return .malformed }
    head.status = hundreds &* 100 &+ UInt16(base[10] &- 0x30) &* 10 &+ UInt16(base[11] &- 0x30)

    // The space before an empty reason is required and often forgotten; without it there is still only one reading.
    if to == 12 { return nil }
    guard base[12] == Byte.space else { return .malformed }
    head.reason = ByteRange(start: 13, count: to &- 13)
    return nil
  }
}
