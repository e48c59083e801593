internal import Sandbox

/// The parts of a URL that decide where it goes.
struct PreviewTarget {
  let isHTTPS: Bool
  /// In lower case, without port and trailing dot.
  let host: String
  let path: String

  /// Nil where it is none; without a scheme it is https.
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
    let authority = rest.prefix { !"/?#".contains($0) }
    var host = authority.prefix { $0 != ":" }.lowercased()
    if host.hasSuffix(".") { host.removeLast() }
    let port = authority.dropFirst(authority.prefix { $0 != ":" }.count)
    guard !host.isEmpty, port.isEmpty || TextRule.port(port.dropFirst()) != nil,
      host.utf8.allSatisfy({ TextRule.isAlphanumeric($0) || "-._".utf8.contains($0) })
    else { return nil }
    self.isHTTPS = isHTTPS
    self.host = host
    let path = rest.dropFirst(authority.count).prefix { $0 != "?" && $0 != "#" }
    self.path = path.isEmpty ? "/" : String(path)
  }

  /// `3000-demo` is (3000, demo).
  static func split(_ label: String) -> (port: UInt16, id: SandboxID)? {
    guard let dash = label.firstIndex(of: "-"), let port = TextRule.port(label[..<dash]),
      let id = SandboxID(String(label[label.index(after: dash)...]))
    else { return nil }
    return (port, id)
  }
}
