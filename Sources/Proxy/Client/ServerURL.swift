internal import Bytes
internal import HTTP

/// Where a server is: `http://127.0.0.1:8440`, `https://api.example.com`, `https://example.com/porthole`.
public struct ServerURL: Equatable, Sendable, CustomStringConvertible {
  public let isTLS: Bool
  /// In lower case; an IPv6 address without its brackets.
  public let host: String
  public let port: UInt16
  /// What every target begins with; empty, or `/porthole` without a slash at its end.
  public let pathPrefix: String

  /// Throws `.badURL` for what is no absolute http or https URL, and for one with user information, a query or a fragment:
  /// none of them means anything here, and a password in a URL ends in somebody's log.
  public init(_ text: String) throws(ClientError) {
    let (isTLS, rest) = try ServerURL.scheme(of: text)
    let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
    let authority = rest[..<end]
    var path = rest[end...]
    guard !authority.contains("@") else { throw .badURL("user information does not belong into the URL") }
    guard !path.contains(where: { $0 == "?" || $0 == "#" }) else {
      throw .badURL("\(text): a query or a fragment does not belong there")
    }
    while path.hasSuffix("/") { path.removeLast() }
    var target = path.isEmpty ? "/" : String(path)
    guard
      target.withUTF8({ HTTPGrammar.isTarget($0, method: .get) }), target.utf8.allSatisfy({ $0 < 0x80 }),
      let (host, port) = ServerURL.split(String(authority))
    else { throw .badURL("\(text) is not of the form http://host[:port] or https://host[:port]") }
    self.isTLS = isTLS
    self.host = host
    self.port = port ?? (isTLS ? 443 : 80)
    pathPrefix = String(path)
  }

  private static func scheme(of text: String) throws(ClientError) -> (isTLS: Bool, rest: Substring) {
    let lower = text.lowercased()
    if lower.hasPrefix("http://") { return (false, text.dropFirst(7)) }
    if lower.hasPrefix("https://") { return (true, text.dropFirst(8)) }
    throw .badURL("\(text): begin it with http:// or https://")
  }

  private static func split(_ text: String) -> (host: String, port: UInt16?)? {
    var authority = text
    guard authority.withUTF8(HTTPGrammar.isAuthority) else { return nil }
    var host = Substring(authority.lowercased())
    var port: UInt16?
    if let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") {
      guard let number = UInt16(host[host.index(after: colon)...]), number > 0 else { return nil }
      port = number
      host = host[..<colon]
    }
    if host.hasPrefix("[") {
      guard let ip = IPAddress(String(host)) else { return nil }
      return (ip.description, port)
    }
    return (String(host), port)
  }

  /// As `Host` says it (RFC 9110 §7.2): the port only where it is not the scheme's own.
  public var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (isTLS ? 443 : 80) ? name : "\(name):\(port)"
  }

  /// Whether what is sent there stays on this machine.
  public var isLoopback: Bool { ServerURL.isLocalName(host) || IPAddress(host)?.isLoopback == true }

  /// RFC 6761 §6.3: `localhost` and whatever is below it are this machine, and no resolver is to be asked.
  static func isLocalName(_ host: String) -> Bool {
    let name = host.hasSuffix(".") ? host.dropLast() : host[...]
    return name == "localhost" || name.hasSuffix(".localhost")
  }

  public var description: String { "\(isTLS ? "https" : "http")://\(authority)\(pathPrefix)" }
}
