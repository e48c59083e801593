internal import Bytes
internal import HTTP
internal import Sandbox

extension RouteTable {
  /// Why a URL works or fails, one line for each question in the order in which deciding asks them, and the decision
  /// last.
  ///
  /// The decision is `decide`'s own, so what is explained is what happens. For operators only: it tells an unknown
  /// sandbox from an unexposed port, which no client may learn.
  public func explain(host: String, path: String) -> [String] {
    HostName.with(host) { name in
      guard let name else { return [line("host", "not a host name with at most a port")] }
      return [line("host", name.text)] + explain(place(of: name), name)
    } + [line("decision", explainDecision(host: host, path: path))]
  }

  private func explain(_ place: HostPlace, _ host: HostName) -> [String] {
    let domain = line("domain", host.parent.text)
    switch place {
    case .gateway(let entry):
      return [line("route", "gateway \(entry.key.text)"), explainEndpoint(entry.anyTarget, port: entry.gatewayPort)]
    case .preview(let label, let entry):
      let names = [domain, line("port", "\(label.port)"), line("id", label.id.text)]
      if let entry { return names + explain(entry, port: label.port) }
      let known = SandboxID.isValid(label.id) ? "none of this id" : "no id: [a-z][a-z0-9-]{0,56}, not ending in -"
      return names + [line("sandbox", known)]
    case .reserved:
      return [domain, line("route", "reserved for Porthole's own interfaces; nothing is behind it yet")]
    case .unassigned:
      return [line("domain", "within a configured domain, but not <port>-<id>.<domain>")]
    case .foreign:
      return [
        line("domain", "in none of: \(domains.names.joined(separator: ", "))"),
        line("route", "no gateway of this name"),
      ]
    }
  }

  private func explain(_ entry: RouteEntry, port: UInt16) -> [String] {
    let target = entry.target(port: port)
    var lines = [
      line("sandbox", "known"),
      line("state", explain(entry.state)),
      line("ingress", entry.explainedIngress),
      line("exposure", entry.explainedExposure(port: port)),
    ]
    if let target { lines.append(explainEndpoint(target, port: port)) }
    return lines
  }

  private func explain(_ state: SandboxState) -> String {
    guard let refusal = state.refusal else { return state.rawValue }
    return "\(state.rawValue), so requests get \(refusal.word)"
  }

  private func explainEndpoint(_ target: Unmanaged<UpstreamTarget>?, port: UInt16) -> String {
    guard let target = target?.takeUnretainedValue() else { return line("endpoint", "none") }
    var text =
      "\(target.endpoint.resolved(port: port)) by \(target.upstreamProtocol.rawValue), Host \(target.hostPolicy.explained)"
    text += ", generation \(target.generation)"
    if !target.tlsServerName.isEmpty { text += ", certificate for \(target.tlsServerName)" }
    return line("endpoint", text)
  }

  private func explainDecision(host: String, path: String) -> String {
    var (host, path) = (host, path)
    let decision = host.withUTF8 { authority in path.withUTF8 { decide(authority: authority, target: $0) } }
    switch decision {
    case .forward: return "forward"
    case .porthole: return "answered by Porthole itself: /.porthole is never forwarded"
    case .refuse(let refusal): return "refuse: \(refusal.status) \(refusal.word)"
    }
  }

  /// Names in one column, what they are in the next.
  private func line(_ name: String, _ value: String) -> String {
    name + String(repeating: " ", count: max(1, 10 - name.count)) + value
  }
}

extension RouteEntry {
  fileprivate var explainedIngress: String {
    guard kind == .open else { return "published: exposed ports answer" }
    guard let limit else { return "open: any port answers" }
    // An allowlist may be long; what matters about one port is in the next line.
    let shown = limit.prefix(8).map { String($0) }.joined(separator: ", ")
    return "open: ports \(shown)\(limit.count > 8 ? ", … (\(limit.count))" : "") answer"
  }

  fileprivate func explainedExposure(port: UInt16) -> String {
    let exposed = ports.contains(port)
    switch (exposed, target(port: port) != nil) {
    case (true, _): return "port \(port) is exposed"
    case (false, true): return "none needed"
    case (false, false):
      if kind == .open { return "port \(port) is not among the allowed ports" }
      let others = ports.prefix(8).map { String($0) }.joined(separator: ", ")
      // Exposures that `allowPorts` leaves out are not in the table, so the two can't be told apart here.
      return "port \(port) is not exposed, or not allowed; ports that answer: \(others.isEmpty ? "none" : others)"
    }
  }
}

extension HostPolicy {
  fileprivate var explained: String {
    switch self {
    case .public: "as the client sent it"
    case .localhost: "localhost"
    case .fixed(let name): name
    }
  }
}

extension UnsafeBufferPointer<UInt8> {
  fileprivate var text: String { String(decoding: self, as: UTF8.self) }
}
