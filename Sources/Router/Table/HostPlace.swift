internal import Bytes
internal import Sandbox

/// What a host is, before anything is asked about the request.
///
/// The order of the questions: a gateway of exactly this name, then the domains, then a wildcard gateway. So a single
/// host below a domain can be given to a gateway on purpose, but no wildcard can take all previews by accident.
enum HostPlace {
  case gateway(RouteEntry)
  /// `<port>-<something>.<domain>`, and the sandbox if there is one of that id.
  case preview(PreviewLabel, RouteEntry?)
  /// `api.<domain>` or `<id>.<domain>`: the control API.
  case control
  /// Any other name below a domain, or a domain itself.
  case unassigned
  /// Below no domain, and no route's.
  case foreign
}

extension RouteTable {
  @inline(__always)
  func place(of host: HostName) -> HostPlace {
    if gateways.count > 0, let entry = gateways.find(host.bytes) { return .gateway(entry) }
    if domains.contains(host.parent) {
      if let label = PreviewLabel(host.label) { return .preview(label, sandboxes.find(label.id)) }
      return SandboxID.isValid(host.label) ? .control : .unassigned
    }
    return elsewhere(host)
  }

  /// Kept out of line: no request of a preview comes here.
  @inline(never)
  private func elsewhere(_ host: HostName) -> HostPlace {
    if domains.covers(host.bytes) { return .unassigned }
    guard gateways.count > 0, let entry = GatewayHost.withWildcardKey(above: host, { gateways.find($0) })
    else { return .foreign }
    return .gateway(entry)
  }
}
