internal import Bytes
internal import Settings

/// Origins as browsers send them in `Origin` (RFC 6454 §6.2), so that they can be compared byte by byte.
public enum WebOrigin {
  /// The origin in the form that browsers send: lower case, without the scheme's own port. Nil for what is no origin: a
  /// path or even a `/` behind it, a user, a wildcard, `null`.
  public static func normalized(_ text: String) -> String? {
    guard text.utf8.count <= 300, let separator = text.firstRange(of: "://") else { return nil }
    let scheme = text[..<separator.lowerBound].lowercased()
    guard isScheme(scheme), let authority = Authority(String(text[separator.upperBound...])) else { return nil }
    let isOwnPort = authority.port == (scheme == "https" ? 443 : scheme == "http" ? 80 : nil)
    return "\(scheme)://\(isOwnPort ? authority.bracketedHost : authority.text)"
  }

  /// RFC 3986 §3.1.
  private static func isScheme(_ text: String) -> Bool {
    guard let first = text.utf8.first, (0x61...0x7A).contains(first) else { return false }
    return text.utf8.allSatisfy { (0x61...0x7A).contains($0) || ASCII.isDigit($0) || "+-.".utf8.contains($0) }
  }
}
