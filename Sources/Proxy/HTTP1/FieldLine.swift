import Bytes
import HTTP

/// One field line: `field-name ":" OWS field-value OWS` (RFC 9112 §5).
struct FieldLine {
  var name: ByteRange
  var value: ByteRange
  /// Behind the line's CRLF.
  var end: Int

  /// Reads the line at `from`. The section, up to `to`, has been through `HeadScan`: it has no control byte but HTAB and
  /// CRLF, so only the name has to be checked byte by byte.
  ///
  /// The name must run up to the colon without a break. That refuses at once an empty name, whitespace before the colon
  /// (RFC 9112 §5.1) and a folded line, which begins with whitespace (§5.2).
  @inline(__always)
  static func read(_ base: UnsafePointer<UInt8>, from: Int, to: Int) -> FieldLine? {
    var colon = from
    while colon < to, ByteClass.token.contains(base[colon]) { colon &+= 1 }
    guard colon < to, colon > from, base[colon] == Byte.colon else { return nil }

    var start = colon &+ 1
    while start < to, isBlank(base[start]) { start &+= 1 }
    let lineEnd = Scan.first(Byte.cr, base, from: start, to: to)
    guard lineEnd &+ 1 < to, base[lineEnd &+ 1] == Byte.lf else { return nil }
    var end = lineEnd
    while end > start, isBlank(base[end &- 1]) { end &-= 1 }

    return FieldLine(
      name: ByteRange(start: from, count: colon &- from), value: ByteRange(start: start, count: end &- start),
      end: lineEnd &+ 2)
  }

  @inline(__always)
  private static func isBlank(_ byte: UInt8) -> Bool { byte == Byte.space || byte == Byte.tab }
}
