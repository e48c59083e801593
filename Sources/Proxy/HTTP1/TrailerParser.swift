import Bytes
public import HTTP

/// Reads the field lines of a trailer section (RFC 9112 §7.1.2).
public enum TrailerParser {
  /// More would have no use: what trailers carry is checksums, statuses and timings.
  public static var fieldsMax: Int { 64 }

  /// Reads `base..<base+count`, the bytes of `ChunkedDecoder.Step.trailers`, into `fields`, and answers how many there
  /// are; nil when they are not well-formed or more than `limit`. Ranges are relative to `base`.
  ///
  /// Memory: `fields` has room for `limit` entries.
  ///
  /// Fields that steer framing, routing or authentication come as `isDropped`: they were not there when those decisions
  /// were made, and whoever merges them into the head afterwards would decide differently (RFC 9110 §6.5.1).
  public static func parse(
    _ base: UnsafePointer<UInt8>, count: Int, fields: UnsafeMutablePointer<HeaderField>,
    limit: Int = TrailerParser.fieldsMax
  ) -> Int? {
    var lines = 0
    var at = 0
    while at < count {
      guard lines < limit, let line = readLine(base, from: at, to: count) else { return nil }
      let known = HeaderName(line.name.bytes(in: base))
      fields[lines] = HeaderField(name: line.name, value: line.value, known: known)
      fields[lines].isDropped = isForbidden(known)
      lines &+= 1
      at = line.end
    }
    return lines
  }

  static func isWellFormed(_ base: UnsafePointer<UInt8>, count: Int) -> Bool {
    var at = 0
    while at < count {
      guard let line = readLine(base, from: at, to: count) else { return false }
      at = line.end
    }
    return true
  }

  /// `FieldLine` trusts that control bytes have been looked for. Trailers are too rare to trust anybody for speed.
  private static func readLine(_ base: UnsafePointer<UInt8>, from: Int, to: Int) -> FieldLine? {
    guard let line = FieldLine.read(base, from: from, to: to) else { return nil }
    for byte in line.value.bytes(in: base) where byte != Byte.tab && (byte < 0x20 || byte == 0x7F) { return nil }
    return line
  }

  private static func isForbidden(_ name: HeaderName) -> Bool {
    switch name {
    case .connection, .contentLength, .transferEncoding, .upgrade, .te, .trailer, .keepAlive, .proxyConnection,
      .expect, .host, .http2Settings, .proxyAuthenticate, .proxyAuthorization, .proxyAuthenticationInfo,
      .xForwardedFor, .xForwardedHost, .xForwardedProto, .xForwardedPort, .xForwardedOther, .forwarded, .xRealIP,
      .xRequestID, .traceparent, .tracestate,
      .xPortholeToken, .portholeError, .portholeForwarded,
      .authorization, .cookie, .setCookie, .origin, .referer,
      .secWebSocketKey, .secWebSocketVersion, .secWebSocketProtocol, .secWebSocketExtensions, .secWebSocketAccept,
      .contentType, .contentRange, .secFetchMode, .secFetchDest, .secFetchSite,
      .location, .strictTransportSecurity, .altSvc, .retryAfter, .accessControlRequestMethod,
      .accessControlRequestHeaders, .accessControlAllowOrigin:
      true
    case .other, .accept, .date, .server, .userAgent:
      false
    }
  }
}
