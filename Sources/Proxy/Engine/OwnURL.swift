import Bytes
import HTTP

/// Absolute URLs that begin with an origin of ours: what Porthole changes in `Host` has to be changed in these as well, or
/// an app that compares them finds two sites where there is one.
enum OwnURL {
  /// Bytes of `https://authority` at the start of `url`, the way a browser writes it (RFC 6454 §6.1: no `:443`); 0 when
  /// the URL is somebody else's.
  static func originCount(_ url: UnsafeBufferPointer<UInt8>, authority: UnsafeBufferPointer<UInt8>) -> Int {
    let authority = withoutDefaultPort(authority)
    let end = 8 + authority.count
    guard !authority.isEmpty, url.count >= end,
      ASCII.equalsIgnoringCase(UnsafeBufferPointer(rebasing: url[..<8]), "https://"),
      HTTPGrammar.sameAuthority(UnsafeBufferPointer(rebasing: url[8..<end]), authority), isOriginEnd(url, end)
    else { return 0 }
    return end
  }

  /// The same for a URL that an app made: of either scheme, since it does not know about TLS, and with no port or one of
  /// these, since servers like nginx put their own there.
  static func originCount(
    _ url: UnsafeBufferPointer<UInt8>, host: UnsafeBufferPointer<UInt8>, port: UInt16, orPort: UInt16
  ) -> Int {
    var at = 0
    if url.count > 8, ASCII.equalsIgnoringCase(UnsafeBufferPointer(rebasing: url[..<8]), "https://") {
      at = 8
    } else if url.count > 7, ASCII.equalsIgnoringCase(UnsafeBufferPointer(rebasing: url[..<7]), "http://") {
      at = 7
    } else {
      return 0
    }
    guard !host.isEmpty, url.count - at >= host.count,
      HTTPGrammar.sameAuthority(UnsafeBufferPointer(rebasing: url[at..<(at + host.count)]), host)
    else { return 0 }
    at += host.count
    if at < url.count, url[at] == 0x3A {
      let digits = at + 1
      at = digits
      var found = 0
      while at < url.count, ASCII.isDigit(url[at]), found <= 65_535 {
        found = found * 10 + Int(url[at] - 0x30)
        at += 1
      }
      guard at > digits, found == Int(port) || found == Int(orPort) else { return 0 }
    }
    return isOriginEnd(url, at) ? at : 0
  }

  /// RFC 3986 §3.2: an authority ends at `/`, `?`, `#` or with the URL.
  private static func isOriginEnd(_ url: UnsafeBufferPointer<UInt8>, _ at: Int) -> Bool {
    at == url.count || url[at] == 0x2F || url[at] == 0x3F || url[at] == 0x23
  }

  /// Browsers leave `:443` out of an origin whatever the Host field says.
  private static func withoutDefaultPort(_ authority: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
    guard authority.count > 4 else { return authority }
    let tail = UnsafeBufferPointer(rebasing: authority[(authority.count - 4)...])
    return ASCII.equals(tail, ":443") ? UnsafeBufferPointer(rebasing: authority[..<(authority.count - 4)]) : authority
  }

  /// An authority's name and port; 443 where it has none.
  static func split(_ authority: UnsafeBufferPointer<UInt8>) -> (host: UnsafeBufferPointer<UInt8>, port: UInt16) {
    var at = authority.count
    var port = 0
    var scale = 1
    while at > 0, scale <= 10_000, ASCII.isDigit(authority[at - 1]) {
      at -= 1
      port += Int(authority[at] - 0x30) * scale
      scale *= 10
    }
    guard at > 0, at < authority.count, authority[at - 1] == 0x3A, port <= 65_535 else { return (authority, 443) }
    return (UnsafeBufferPointer(rebasing: authority[..<(at - 1)]), UInt16(port))
  }
}
