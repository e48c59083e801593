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
}

/// One published port of a sandbox. Fields are those of CONTRACT.md that the data plane can act on today.
public struct Exposure: Hashable, Sendable {
  /// Ports that can be exposed. Those below need privileges inside a sandbox and are no application's; `open` ingress,
  /// where nothing is exposed one by one, is not held to it.
  public static let ports: ClosedRange<UInt16> = 1024...65535

  public var port: UInt16
  public var name: String?
  public var host: HostPolicy
  public var upstream: UpstreamProtocol

  public init(port: UInt16, name: String? = nil, host: HostPolicy = .public, upstream: UpstreamProtocol = .http1) {
    self.port = port
    self.name = name
    self.host = host
    self.upstream = upstream
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

  public init(mode: Mode = .published, allowPorts: Set<UInt16>? = nil) {
    self.mode = mode
    self.allowPorts = allowPorts
  }

  public func allows(_ port: UInt16) -> Bool {
    guard port != 0 else { return false }
    guard let allowPorts else { return true }
    return allowPorts.contains(port)
  }
}
