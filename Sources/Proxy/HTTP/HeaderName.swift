import Bytes

/// The field names that Porthole acts on, found once per field and then compared as one byte.
///
/// Every other name is `.other`: it is forwarded and never looked at.
@frozen
public enum HeaderName: UInt8, Sendable {
  case other
  // Framing and hop-by-hop: RFC 9110 §7.6.1, RFC 9112 §6.
  case connection, contentLength, transferEncoding, upgrade, te, trailer, keepAlive, proxyConnection
  case expect, host, http2Settings, proxyAuthenticate, proxyAuthorization, proxyAuthenticationInfo
  // Who the client is: ours to say, so inbound copies are removed.
  case xForwardedFor, xForwardedHost, xForwardedProto, xForwardedPort, xForwardedOther, forwarded, xRealIP
  case xRequestID, traceparent, tracestate
  // Porthole's own.
  case xPortholeToken, portholeError, portholeForwarded
  // Credentials and origins.
  case authorization, cookie, setCookie, origin, referer
  // WebSocket: RFC 6455 §11.3.
  case secWebSocketKey, secWebSocketVersion, secWebSocketProtocol, secWebSocketExtensions, secWebSocketAccept
  // Content and negotiation.
  case accept, contentType, contentRange, date, server, userAgent, secFetchMode, secFetchDest, secFetchSite
  case location, strictTransportSecurity, altSvc, retryAfter
  case accessControlRequestMethod, accessControlRequestHeaders, accessControlAllowOrigin

  /// Finds a name in any case. `_` counts as `-` for the names that only Porthole may send: CGI-like servers
  /// (WSGI, Rack, PHP) cannot tell the two apart, so `X_Forwarded_For` would be a way around the removal.
  public init(_ name: UnsafeBufferPointer<UInt8>) {
    self = HeaderName.find(name)
  }

  private static func find(_ n: UnsafeBufferPointer<UInt8>) -> HeaderName {
    guard let first = n.first.map(ASCII.lower) else { return .other }
    if first == 0x78 { return findX(n) }
    func eq(_ literal: StaticString) -> Bool { ASCII.equalsIgnoringCase(n, literal) }
    switch n.count {
    case 2: return eq("te") ? .te : .other
    case 4: return eq("host") ? .host : eq("date") ? .date : .other
    case 6:
      switch first {
      case 0x61: return eq("accept") ? .accept : .other
      case 0x63: return eq("cookie") ? .cookie : .other
      case 0x65: return eq("expect") ? .expect : .other
      case 0x6F: return eq("origin") ? .origin : .other
      case 0x73: return eq("server") ? .server : .other
      default: return .other
      }
    case 7:
      switch first {
      case 0x61: return eq("alt-svc") ? .altSvc : .other
      case 0x72: return eq("referer") ? .referer : .other
      case 0x74: return eq("trailer") ? .trailer : .other
      case 0x75: return eq("upgrade") ? .upgrade : .other
      default: return .other
      }
    case 8: return eq("location") ? .location : .other
    case 9: return eq("forwarded") ? .forwarded : .other
    case 10:
      switch first {
      case 0x63: return eq("connection") ? .connection : .other
      case 0x6B: return eq("keep-alive") ? .keepAlive : .other
      case 0x73: return eq("set-cookie") ? .setCookie : .other
      case 0x74: return eq("tracestate") ? .tracestate : .other
      case 0x75: return eq("user-agent") ? .userAgent : .other
      default: return .other
      }
    case 11: return eq("traceparent") ? .traceparent : eq("retry-after") ? .retryAfter : .other
    case 12: return eq("content-type") ? .contentType : .other
    case 13: return eq("authorization") ? .authorization : eq("content-range") ? .contentRange : .other
    case 14:
      return eq("content-length")
        ? .contentLength
        : eq("sec-fetch-mode")
          ? .secFetchMode
          : eq("sec-fetch-dest")
            ? .secFetchDest
            : eq("sec-fetch-site")
              ? .secFetchSite
              : eq("http2-settings") ? .http2Settings : eq("porthole-error") ? .portholeError : .other
    case 16: return eq("proxy-connection") ? .proxyConnection : .other
    case 17: return eq("transfer-encoding") ? .transferEncoding : eq("sec-websocket-key") ? .secWebSocketKey : .other
    case 18:
      return eq("proxy-authenticate") ? .proxyAuthenticate : eq("porthole-forwarded") ? .portholeForwarded : .other
    case 19: return eq("proxy-authorization") ? .proxyAuthorization : .other
    case 20: return eq("sec-websocket-accept") ? .secWebSocketAccept : .other
    case 21: return eq("sec-websocket-version") ? .secWebSocketVersion : .other
    case 22: return eq("sec-websocket-protocol") ? .secWebSocketProtocol : .other
    case 24: return eq("sec-websocket-extensions") ? .secWebSocketExtensions : .other
    case 25:
      return eq("strict-transport-security")
        ? .strictTransportSecurity
        : eq("proxy-authentication-info") ? .proxyAuthenticationInfo : .other
    case 27: return eq("access-control-allow-origin") ? .accessControlAllowOrigin : .other
    case 29: return eq("access-control-request-method") ? .accessControlRequestMethod : .other
    case 30: return eq("access-control-request-headers") ? .accessControlRequestHeaders : .other
    default: return .other
    }
  }

  /// Names in `x-`, where `_` is read as `-`.
  private static func findX(_ n: UnsafeBufferPointer<UInt8>) -> HeaderName {
    guard n.count >= 9, n.count <= 64 else { return .other }
    var exact = true
    func eq(_ literal: StaticString, prefix: Bool = false) -> Bool {
      let count = literal.utf8CodeUnitCount
      guard prefix ? n.count >= count : n.count == count else { return false }
      let want = literal.utf8Start
      var index = 0
      while index < count {
        let byte = n[index] == 0x5F ? 0x2D : ASCII.lower(n[index])
        if byte != want[index] { return false }
        index += 1
      }
      return true
    }
    for byte in n where byte == 0x5F { exact = false }
    if eq("x-forwarded-", prefix: true) {
      guard exact else { return .xForwardedOther }
      if eq("x-forwarded-for") { return .xForwardedFor }
      if eq("x-forwarded-host") { return .xForwardedHost }
      if eq("x-forwarded-proto") { return .xForwardedProto }
      if eq("x-forwarded-port") { return .xForwardedPort }
      return .xForwardedOther
    }
    if eq("x-real-ip") { return exact ? .xRealIP : .xForwardedOther }
    if eq("x-request-id") { return exact ? .xRequestID : .xForwardedOther }
    if eq("x-porthole-token") { return .xPortholeToken }
    return .other
  }
}
