public import Bytes

/// `host` or `host:port` as it may stand in a `Host` header (RFC 9110 §7.2): a name or an address, and nothing odd.
public struct Authority {
  /// Lower case, without brackets or a trailing dot.
  public let host: String
  public let port: UInt16?
  /// Set where `host` is an address and not a name.
  public let ip: IPAddress?

  public init?(_ input: String) {
    var hostText = input
    var port: UInt16?
    let endsInBracket = input.hasSuffix("]")
    if !endsInBracket, let colon = input.lastIndex(of: ":") {
      let digits = input[input.index(after: colon)...]
      guard digits.utf8.allSatisfy(ASCII.isDigit), let number = UInt16(digits), number > 0 else { return nil }
      port = number
      hostText = String(input[..<colon])
    }
    if hostText.hasPrefix("["), hostText.hasSuffix("]") {
      guard let ip = IPAddress(hostText), !ip.isV4 else { return nil }
      self.ip = ip
      host = ip.description
    } else if !hostText.contains(":"), let ip = IPAddress(hostText) {
      self.ip = ip
      host = ip.description
    } else {
      guard let name = DNSName.normalized(hostText) else { return nil }
      ip = nil
      host = name
    }
    self.port = port
  }

  /// The host as it stands in a URL: an IPv6 address has its brackets.
  public var bracketedHost: String { host.contains(":") ? "[\(host)]" : host }

  public var text: String { bracketedHost + (port.map { ":\($0)" } ?? "") }
}
