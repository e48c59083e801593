public import Bytes

/// The `Host` that the service inside the sandbox sees; `Origin` follows it.
public enum HostPolicy: Hashable, Sendable {
  /// The preview host, as the browser sent it.
  case `public`
  /// `localhost:<port>`, for dev servers that refuse foreign names.
  case localhost
  /// A fixed name, optionally with a port.
  case fixed(String)

  public init(_ text: String) {
    switch text {
    case "public": self = .public
    case "localhost": self = .localhost
    default: self = .fixed(text)
    }
  }

  /// What `init(_:)` reads back.
  public var text: String {
    switch self {
    case .public: "public"
    case .localhost: "localhost"
    case .fixed(let name): name
    }
  }
}

/// Who may use a port.
public enum ExposureAuth: String, Hashable, Sendable, CaseIterable {
  /// Anybody who knows the URL.
  case none
  /// Whoever has the sandbox's token, or a cookie that a grant was exchanged for.
  case token
}

/// One published port of a sandbox: the fields of CONTRACT.md, and what ties credentials to this very publication.
public struct Exposure: Hashable, Sendable {
  /// Ports that can be exposed. Those below need privileges inside a sandbox and are no application's; `open` ingress,
  /// where nothing is exposed one by one, is not held to it.
  public static let ports: ClosedRange<UInt16> = 1024...65535

  public var port: UInt16
  public var name: String?
  public var host: HostPolicy
  public var upstream: UpstreamProtocol
  public var auth: ExposureAuth
  /// Clients outside of these networks are refused; empty means that any address will do.
  public var allowIPs: [CIDR]
  /// Origins (`https://app.example.com`) whose pages may call and embed this port with its cookie.
  public var embedOrigins: [String]
  /// A request resumes a sandbox that sleeps.
  public var wake: Bool
  /// Traffic counts as activity against the sandbox's idle timeout.
  public var keepAlive: Bool
  /// Milliseconds since 1970 after which the port is closed; nil for never.
  public var expiresAtMs: UInt64?
  /// Random, and new each time a port is exposed: credentials for an exposure that was closed are none for the next.
  public var nonce: UInt64
  /// Share links that may be used now.
  public var links: [ShareLink]

  public init(
    port: UInt16, name: String? = nil, host: HostPolicy = .public, upstream: UpstreamProtocol = .http1,
    auth: ExposureAuth = .none, allowIPs: [CIDR] = [], embedOrigins: [String] = [], wake: Bool = false,
    keepAlive: Bool = true, expiresAtMs: UInt64? = nil, nonce: UInt64 = 0, links: [ShareLink] = []
  ) {
    self.port = port
    self.name = name
    self.host = host
    self.upstream = upstream
    self.auth = auth
    self.allowIPs = allowIPs
    self.embedOrigins = embedOrigins
    self.wake = wake
    self.keepAlive = keepAlive
    self.expiresAtMs = expiresAtMs
    self.nonce = nonce
    self.links = links
  }
}

/// A link that lets its holder use an exposure, as far as its scope goes. Its secret is not kept: the link's grant names
/// `id` and is sealed by Porthole's keys, and ends with the link.
public struct ShareLink: Hashable, Sendable {
  /// Random, never 0 (which stands for "no link" in grants and cookies).
  public var id: UInt64
  /// Can be redeemed once. What it was exchanged for goes on until `expiresAtMs`.
  public var once: Bool
  /// Milliseconds since 1970.
  public var expiresAtMs: UInt64
  /// Paths must begin with it, a segment at a time: `/docs` covers `/docs` and `/docs/a`, not `/docsx`. Nil: any path.
  public var pathPrefix: String?
  /// Upper-case method names; empty means any.
  public var methods: [String]
  /// Empty means any address.
  public var allowIPs: [CIDR]

  public init(
    id: UInt64, once: Bool = false, expiresAtMs: UInt64, pathPrefix: String? = nil, methods: [String] = [],
    allowIPs: [CIDR] = []
  ) {
    self.id = id
    self.once = once
    self.expiresAtMs = expiresAtMs
    self.pathPrefix = pathPrefix
    self.methods = methods
    self.allowIPs = allowIPs
  }
}

/// Which ports of a sandbox answer at all.
public struct Ingress: Hashable, Sendable {
  public enum Mode: String, Hashable, Sendable, CaseIterable {
    /// Only exposed ports.
    case published
    /// Any port: the id is the credential.
    case open
  }

  public var mode: Mode
  /// Limits either mode; nil means no limit.
  public var allowPorts: Set<UInt16>?
  /// `open` only: a request to a port that nobody exposed resumes a sandbox that sleeps.
  public var wake: Bool

  public init(mode: Mode = .published, allowPorts: Set<UInt16>? = nil, wake: Bool = false) {
    self.mode = mode
    self.allowPorts = allowPorts
    self.wake = wake
  }

  public func allows(_ port: UInt16) -> Bool {
    guard port != 0 else { return false }
    guard let allowPorts else { return true }
    return allowPorts.contains(port)
  }
}
