internal import Bytes

/// Hosts of gateway routes as keys: `app.example.test`, or `*.example.test` for every name one label below.
enum GatewayHost {
  /// Lends the key of a configured host; does nothing for what is neither a name nor a wildcard of one.
  static func withKey(_ host: String, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    let isWildcard = host.hasPrefix("*.")
    HostName.with(isWildcard ? String(host.dropFirst(2)) : host) { name in
      guard let name, !host.utf8.contains(UInt8(ascii: ":")) || host.hasPrefix("[") else { return }
      let key = (isWildcard ? Array("*.".utf8) : []) + Array(name.bytes)
      guard key.count <= HostName.lengthMax else { return }
      key.withUnsafeBufferPointer(body)
    }
  }

  /// Lends the key of the wildcard that would match `host`; nil where it has one label only.
  static func withWildcardKey(
    above host: HostName, _ body: (UnsafeBufferPointer<UInt8>) -> RouteEntry?
  ) -> RouteEntry? {
    // `.example.test`, with its dot; a star goes in front.
    let tail = UnsafeBufferPointer(rebasing: host.bytes[host.firstDot...])
    guard !tail.isEmpty else { return nil }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: HostName.lengthMax + 1) { key in
      key[0] = UInt8(ascii: "*")
      let end = key[1...].update(fromContentsOf: tail)
      return body(UnsafeBufferPointer(rebasing: key[0..<end]))
    }
  }
}
