import Sandbox

extension Configuration {
  /// What is allowed but hardly meant. `porthole check` prints it, and nothing depends on it.
  public var advice: [String] {
    var lines: [String] = []
    for (index, sandbox) in runner.sandboxes.enumerated()
    where sandbox.ingress.mode == .published && sandbox.exposures.isEmpty {
      lines.append(
        "runner.sandboxes[\(index)]: \(sandbox.id) exposes no port, so all its preview URLs answer 404; list some under ports, or use ingress: {mode: open}"
      )
    }
    if !runner.sandboxes.isEmpty, domains.isEmpty {
      lines.append("domains: none are given, so the sandboxes of runner cannot be reached")
    }
    for (index, route) in routes.enumerated() where route.upstream.insecureSkipVerify {
      lines.append(
        "routes[\(index)]: insecureSkipVerify lets anybody on the way to \(route.upstream.authority) read and change traffic"
      )
    }
    if let hsts = tlsOptions.hsts, hsts.includeSubDomains, domains.contains(where: { $0.hasSuffix("localhost") }) {
      lines.append(
        "tlsOptions.hsts: browsers will refuse plain http on every host below \(domains.joined(separator: ", ")) until max-age has passed"
      )
    }
    if log.access == .off, log.accessFile != .standardOutput {
      lines.append("log.accessFile: nothing is written there while log.access is off; set it to json or common")
    }
    return lines
  }
}
