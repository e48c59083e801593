internal import Bytes

/// The origin of a web page as browsers write it in `Origin` (RFC 6454 §6.2): lower case, no default port, no path.
enum WebOrigin {
  /// Nil for what is no http or https origin. A trailing slash is forgiven, as people copy it from an address bar.
  static func normalized(_ text: String) -> String? {
    let folded = text.lowercased()
    guard let scheme = ["https", "http"].first(where: { folded.hasPrefix($0 + "://") }) else { return nil }
    var rest = folded.dropFirst(scheme.count + 3)
    if rest.hasSuffix("/") { rest.removeLast() }
    guard let (host, port) = split(rest) else { return nil }
    guard let port, port != (scheme == "https" ? 443 : 80) else { return "\(scheme)://\(host)" }
    return "\(scheme)://\(host):\(port)"
  }

  private static func split(_ authority: Substring) -> (host: String, port: UInt16?)? {
    if authority.hasPrefix("[") {
      guard let close = authority.firstIndex(of: "]") else { return nil }
      let literal = String(authority[...close])
      guard let ip = IPAddress(literal), !ip.isV4 else { return nil }
      return suffix(authority[authority.index(after: close)...]).map { ("[\(ip)]", $0.port) }
    }
    let host = String(authority.prefix { $0 != ":" })
    guard DNSName.isValid(host) || IPAddress(host)?.isV4 == true else { return nil }
    return suffix(authority.dropFirst(host.count)).map { (host, $0.port) }
  }

  /// Nothing, or a colon and a port.
  private static func suffix(_ text: Substring) -> (port: UInt16?, Void)? {
    if text.isEmpty { return (nil, ()) }
    guard text.hasPrefix(":"), let port = TextRule.port(text.dropFirst()) else { return nil }
    return (port, ())
  }
}
