import Bytes
public import Sandbox
import Settings

extension Configuration {
  /// A plain host with an upstream of its own; no sandbox is involved.
  public struct Route: Sendable, Equatable {
    public var host: HostPattern
    public var upstream: Upstream
    /// The `Host` that the upstream sees. `upstream` in the file becomes the fixed name from the URL. Default: public.
    public var hostHeader: HostPolicy

    public init(host: HostPattern, upstream: Upstream, hostHeader: HostPolicy = .public) {
      self.host = host
      self.upstream = upstream
      self.hostHeader = hostHeader
    }
  }

  /// Which hosts a route takes, in lower case.
  public enum HostPattern: Hashable, Sendable, CustomStringConvertible {
    case exact(String)
    /// `*.example.test`, kept as `example.test`: exactly one label in front of it, as in a certificate.
    case wildcard(suffix: String)

    public var description: String {
      switch self {
      case .exact(let host): host
      case .wildcard(let suffix): "*.\(suffix)"
      }
    }
  }

  /// A server that a route forwards to.
  public struct Upstream: Sendable, Equatable {
    /// As in the file: for logs and for `explain`.
    public var url: String
    public var upstreamProtocol: UpstreamProtocol
    /// The URL's host without brackets or port: the name to ask for by SNI and to find in the certificate.
    public var host: String
    /// The URL's host, with its port where that is not the scheme's own: what `hostHeader: upstream` sends.
    public var authority: String
    /// The name was looked up once, when the configuration was read.
    public var endpoint: Endpoint
    /// https only: take any certificate. Default: false.
    public var insecureSkipVerify: Bool
    /// https only: the absolute path of a PEM file with the authorities to believe instead of the system's. Default: nil.
    public var caFile: String?

    public init(
      url: String, upstreamProtocol: UpstreamProtocol, host: String, authority: String, endpoint: Endpoint,
      insecureSkipVerify: Bool = false, caFile: String? = nil
    ) {
      self.url = url
      self.upstreamProtocol = upstreamProtocol
      self.host = host
      self.authority = authority
      self.endpoint = endpoint
      self.insecureSkipVerify = insecureSkipVerify
      self.caFile = caFile
    }
  }
}

extension Configuration.Route {
  static func readList(_ field: Field) -> [Configuration.Route] {
    var seen: Set<Configuration.HostPattern> = []
    let example = "{host: app.example.test, upstream: \"http://127.0.0.1:3000\"}"
    return (field.items("[\(example)]") ?? []).compactMap { item in
      guard item.isGiven else {
        item.refuse(expected: "a mapping such as \(example)")
        return nil
      }
      guard item.isSection(example) else { return nil }
      let host = Configuration.HostPattern.read(item["host"])
      if let host, !seen.insert(host).inserted { item["host"].refuse("the host \(host) has two routes") }
      let upstream = Configuration.Upstream.read(item)
      let hostHeader = readHostHeader(item["hostHeader"], upstream: upstream)
      guard let host, let upstream else { return nil }
      return Configuration.Route(host: host, upstream: upstream, hostHeader: hostHeader ?? .public)
    }
  }

  private static func readHostHeader(_ field: Field, upstream: Configuration.Upstream?) -> HostPolicy? {
    let expected = "public, upstream or a fixed host such as app.internal"
    guard let text = field.text(expected) else { return nil }
    if text == "public" { return .public }
    if text == "upstream" { return upstream.map { .fixed($0.authority) } }
    if let authority = Authority(text) { return .fixed(authority.text) }
    field.refuse(expected: expected)
    return nil
  }
}

extension Configuration.HostPattern {
  static func read(_ field: Field) -> Configuration.HostPattern? {
    let expected = "a host such as app.example.test or *.example.test, without a port"
    guard field.isGiven else {
      field.require(expected)
      return nil
    }
    guard let text = field.text(expected) else { return nil }
    if text.hasPrefix("*."), let suffix = DNSName.normalized(String(text.dropFirst(2))) {
      return .wildcard(suffix: suffix)
    }
    // A gateway may be addressed by number on a bench, so an address is a host too.
    if let authority = Authority(text), authority.port == nil { return .exact(authority.bracketedHost) }
    field.refuse(expected: expected)
    return nil
  }
}

extension Configuration.Upstream {
  /// `field` is the route: the keys beside `upstream` qualify it.
  fileprivate static func read(_ field: Field) -> Configuration.Upstream? {
    let expected =
      "a URL such as http://127.0.0.1:3000, https://app.internal:8443 or h2c://127.0.0.1:50051, without a path"
    let skipVerify = field["insecureSkipVerify"].flag() ?? false
    let caFile = field["caFile"].file("the certificate authority")
    let url = field["upstream"]
    guard url.isGiven else {
      url.require(expected)
      return nil
    }
    guard let text = url.text(expected) else { return nil }
    guard let (scheme, authority) = split(text), let port = authority.port ?? scheme.defaultPort else {
      url.refuse(expected: expected)
      return nil
    }
    if scheme != .https {
      for key in ["insecureSkipVerify", "caFile"] where field[key].isGiven {
        field[key].refuse("only means something where upstream is https://")
      }
    }
    if skipVerify, caFile != nil { field["insecureSkipVerify"].refuse("true makes caFile pointless; give one of them") }
    guard let ip = resolve(authority, url) else { return nil }
    return Configuration.Upstream(
      url: text, upstreamProtocol: scheme, host: authority.host,
      authority: authority.bracketedHost + (port == scheme.defaultPort ? "" : ":\(port)"),
      endpoint: .tcp(SocketAddress(ip: ip, port: port)), insecureSkipVerify: skipVerify, caFile: caFile)
  }

  private static func split(_ text: String) -> (UpstreamProtocol, Authority)? {
    for scheme in UpstreamProtocol.allCases {
      let prefix = "\(scheme.rawValue)://"
      guard text.lowercased().hasPrefix(prefix) else { continue }
      var rest = text.dropFirst(prefix.count)
      if rest.hasSuffix("/") { rest.removeLast() }
      return Authority(String(rest)).map { (scheme, $0) }
    }
    return nil
  }

  private static func resolve(_ authority: Authority, _ field: Field) -> IPAddress? {
    if let ip = authority.ip { return ip }
    switch field.reading.resolveName(authority.host) {
    case .success(let ip): return ip
    case .failure(let failure):
      field.refuse("the name \(authority.host) cannot be resolved: \(failure.reason)")
      return nil
    }
  }
}

extension UpstreamProtocol {
  /// h2c has no port that everybody agrees on, so its URL must say one.
  fileprivate var defaultPort: UInt16? {
    switch self {
    case .http1: 80
    case .https: 443
    case .h2c: nil
    }
  }
}
