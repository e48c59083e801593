import Bytes
import Sandbox
import Settings

/// Why a URL works or fails by this configuration, stage by stage. Nothing is dialled and no sandbox is touched.
public struct Explanation: Sendable, Equatable {
  public struct Step: Sendable, Equatable {
    public enum Outcome: String, Sendable {
      case passed
      /// Fine for Porthole, but look at it when the URL does not work.
      case note
      /// The request ends here.
      case refused
    }

    /// `url`, `listener`, `host`, `sandbox`, `port`, `path` or `upstream`.
    public let name: String
    public let outcome: Outcome
    public let detail: String
  }

  public let url: String
  public private(set) var steps: [Step] = []
  /// What Porthole answers itself; nil where the request is forwarded.
  public private(set) var answer: Answer?

  public struct Answer: Sendable, Equatable {
    /// Nil where it depends on the request, as below `/.porthole/`.
    public let status: Int?
    /// The word of `Porthole-Error`, such as `route/not-found`; nil for answers that are no errors.
    public let error: String?

    static let own = Answer(status: nil, error: nil)
  }

  public var isForwarded: Bool { answer == nil }

  /// - Parameter url: absolute, or without its scheme, which is https then.
  public init(url: String, configuration: Configuration) {
    self.url = url
    guard let target = Target(url) else {
      refuse("url", 400, "request/bad-target", "not a URL of the form https://host[:port]/path")
      return
    }
    guard explainListener(target, configuration) else { return }
    explainHost(target, configuration)
  }

  // MARK: Stages

  /// False where the connection does not get as far as a host.
  private mutating func explainListener(_ target: Target, _ configuration: Configuration) -> Bool {
    let listeners = target.isHTTPS ? configuration.listen.https.map(\.address) : configuration.listen.http
    let scheme = target.isHTTPS ? "https" : "http"
    if listeners.contains(where: { $0.port == target.port }) {
      pass("listener", "\(scheme) port \(target.port) is Porthole's own")
    } else if listeners.isEmpty {
      note("listener", "Porthole has no \(scheme) listener; see listen.\(scheme)")
    } else {
      let own = listeners.map(\.description).joined(separator: ", ")
      note(
        "listener",
        "Porthole does not listen on port \(target.port) but on \(own); something in front has to pass it on")
    }
    guard target.isHTTPS else {
      answer = Answer(status: 301, error: nil)
      note("url", "plain http is redirected to https")
      return false
    }
    return true
  }

  private mutating func explainHost(_ target: Target, _ configuration: Configuration) {
    if let route = configuration.route(for: target.host) {
      pass("host", "the route \(route.host) takes it")
      explainRoute(route)
    } else if let (label, domain) = configuration.split(host: target.host) {
      pass("host", "\"\(label)\" below the domain \(domain)")
      explainLabel(label, target, configuration)
    } else if let domain = configuration.domain(around: target.host) {
      refuse("host", 404, "route/not-found", "previews are exactly one label below the domain: <port>-<id>.\(domain)")
    } else {
      let domains = configuration.domains.map { "*.\($0)" } + configuration.routes.map(\.host.description)
      refuse("host", 421, "route/misdirected", "\(target.host) is none of \(domains.joined(separator: ", "))")
    }
  }

  private mutating func explainRoute(_ route: Configuration.Route) {
    pass("upstream", "\(route.upstream.url) at \(route.upstream.endpoint.text), \(route.hostHeader.text)")
  }

  private mutating func explainLabel(_ label: String, _ target: Target, _ configuration: Configuration) {
    let (port, idText) = Explanation.splitLabel(label)
    if label == "api" || (port == nil && SandboxID(idText) != nil) {
      pass("host", label == "api" ? "the control API" : "the runtime API of a sandbox of this name, if there is one")
      answer = .own
      return
    }
    guard let port, let id = SandboxID(idText) else {
      refuse(
        "host", 404, "route/not-found",
        "\"\(label)\" is not <port>-<id>, with a port of 1 to 65535 without leading zero")
      return
    }
    if target.path == "/.porthole" || target.path.hasPrefix("/.porthole/") {
      note("path", "paths below /.porthole/ are answered by Porthole and never reach the sandbox")
      answer = .own
      return
    }
    guard let sandbox = configuration.runner.sandboxes.first(where: { $0.id == id }) else {
      let hint = Suggestion.nearest(to: idText, among: configuration.runner.sandboxes.map(\.id.text))
      refuse(
        "sandbox", 404, "route/not-found",
        "no sandbox is called \(idText)" + (hint.map { "; did you mean \($0)?" } ?? ""))
      return
    }
    pass("sandbox", "\(id) at \(sandbox.address), ingress \(sandbox.ingress.mode.rawValue)")
    explainPort(port, sandbox)
  }

  private mutating func explainPort(_ port: UInt16, _ sandbox: ListedSandbox) {
    let exposure = sandbox.exposures.first { $0.port == port }
    if let allowPorts = sandbox.ingress.allowPorts, !allowPorts.contains(port) {
      refuse("port", 404, "route/not-found", "\(port) is not in the sandbox's ingress.allowPorts")
      return
    }
    if exposure == nil, sandbox.ingress.mode == .published {
      refuse(
        "port", 404, "route/not-found",
        "\(port) is not exposed; add it to the sandbox's ports, or use ingress: {mode: open}")
      return
    }
    pass(
      "port",
      exposure == nil
        ? "\(port) is allowed because ingress is open" : "\(port) is exposed\(exposure?.name.map { " as \($0)" } ?? "")"
    )
    let shown = exposure ?? Exposure(port: port)
    pass(
      "upstream",
      "\(shown.upstream.rawValue) to \(sandbox.address.endpointOfAnyPort.resolved(port: port)), \(shown.host.text)")
  }

  /// `3000-demo` is (3000, "demo"); anything else is (nil, all of it).
  static func splitLabel(_ label: String) -> (port: UInt16?, id: String) {
    guard let dash = label.firstIndex(of: "-") else { return (nil, label) }
    let digits = label[..<dash]
    guard let first = digits.utf8.first, first != 0x30, digits.utf8.allSatisfy(ASCII.isDigit), let port = UInt16(digits)
    else {
      return (nil, label)
    }
    return (port, String(label[label.index(after: dash)...]))
  }

  // MARK: Steps

  private mutating func pass(_ name: String, _ detail: String) {
    steps.append(Step(name: name, outcome: .passed, detail: detail))
  }

  private mutating func note(_ name: String, _ detail: String) {
    steps.append(Step(name: name, outcome: .note, detail: detail))
  }

  private mutating func refuse(_ name: String, _ status: Int, _ error: String, _ detail: String) {
    steps.append(Step(name: name, outcome: .refused, detail: detail))
    answer = Answer(status: status, error: error)
  }
}

/// The parts of a URL that decide where it goes.
private struct Target {
  let isHTTPS: Bool
  let host: String
  let port: UInt16
  let path: String

  init?(_ url: String) {
    var rest = url[...]
    var isHTTPS = true
    if let scheme = url.firstRange(of: "://") {
      switch url[..<scheme.lowerBound].lowercased() {
      case "https", "wss": break
      case "http", "ws": isHTTPS = false
      default: return nil
      }
      rest = url[scheme.upperBound...]
    }
    let authorityEnd = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
    guard let (host, port) = Target.split(String(rest[..<authorityEnd])) else { return nil }
    self.isHTTPS = isHTTPS
    self.host = host
    self.port = port ?? (isHTTPS ? 443 : 80)
    path = String(rest[authorityEnd...].prefix { $0 != "?" && $0 != "#" })
  }

  /// Wider than `Authority`, which is for names that we write: a client may well ask for `3000-.preview.localhost`, and
  /// then the answer is 404 and not "no host name".
  private static func split(_ text: String) -> (host: String, port: UInt16?)? {
    if let authority = Authority(text) { return (authority.bracketedHost, authority.port) }
    let parts = text.lowercased().split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard var host = parts.first, !host.isEmpty else { return nil }
    if host.hasSuffix(".") { host.removeLast() }
    guard
      host.utf8.allSatisfy({ ASCII.isDigit($0) || (0x61...0x7A).contains($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F }
      )
    else { return nil }
    if parts.count == 1 { return (String(host), nil) }
    guard parts[1].utf8.allSatisfy(ASCII.isDigit), let port = UInt16(parts[1]), port > 0 else { return nil }
    return (String(host), port)
  }
}

extension Configuration {
  /// The exact route, else the wildcard one label above, which never reaches below a domain.
  fileprivate func route(for host: String) -> Route? {
    if let exact = routes.first(where: { $0.host == .exact(host) }) { return exact }
    if domain(around: host) != nil { return nil }
    guard let dot = host.firstIndex(of: ".") else { return nil }
    let parent = String(host[host.index(after: dot)...])
    return routes.first { $0.host == .wildcard(suffix: parent) }
  }

  /// The domain that `host` is, or is below by any number of labels.
  fileprivate func domain(around host: String) -> String? {
    domains.first { host == $0 || host.hasSuffix(".\($0)") }
  }

  /// `3000-demo.preview.localhost` into its one label and the domain.
  fileprivate func split(host: String) -> (label: String, domain: String)? {
    for domain in domains where host.hasSuffix(".\(domain)") {
      let label = host.dropLast(domain.utf8.count + 1)
      if !label.contains(".") { return (String(label), domain) }
    }
    return nil
  }
}

extension HostPolicy {
  fileprivate var text: String {
    switch self {
    case .public: "Host as the client sent it"
    case .localhost: "Host: localhost:<port>"
    case .fixed(let name): "Host: \(name)"
    }
  }
}

extension Endpoint {
  fileprivate var text: String {
    switch self {
    case .tcp(let address): address.description
    case .unix(let path): path
    }
  }
}
