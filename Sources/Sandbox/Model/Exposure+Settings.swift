import Bytes
public import Settings

extension Exposure {
  /// The keys of one of a sandbox's `ports` in its long form.
  public static let keys = [
    Schema.Key("port"), Schema.Key("name"), Schema.Key("host"), Schema.Key("protocol"), Schema.Key("auth"),
    Schema.Key("allowIPs", .list(of: .scalar)), Schema.Key("embedOrigins", .list(of: .scalar)), Schema.Key("wake"),
    Schema.Key("keepAlive"),
  ]

  /// A sandbox's `ports`.
  /// - Parameter allowPorts: of its ingress: what that shuts out is refused here, since it would never answer.
  public static func readList(_ field: Field, allowPorts: Set<UInt16>?) -> [Exposure] {
    var seen: Set<UInt16> = []
    return (field.items("[3000, {port: 8888, name: jupyter}]") ?? []).compactMap { item in
      guard let exposure = Exposure(item) else { return nil }
      let place = item.isMapping ? item["port"] : item
      if !seen.insert(exposure.port).inserted {
        place.refuse("the port \(exposure.port) is exposed twice")
      } else if !ports.contains(exposure.port) {
        place.refuse(expected: "a port from 1024 to 65535 (lower ones cannot be exposed)")
      } else if let allowPorts, !allowPorts.contains(exposure.port) {
        place.refuse(
          "the port \(exposure.port) is exposed, but ingress.allowPorts does not have it, so it would never answer")
      }
      return exposure
    }
  }

  /// `8080`, or the long form.
  private init?(_ field: Field) {
    guard field.isMapping else {
      guard let port = field.requiredPort() else { return nil }
      self.init(port: port)
      return
    }
    let name = field["name"].text("a short name such as jupyter")
    let host = field["host"].hostPolicy()
    let upstream = field["protocol"].choice(UpstreamProtocol.self)
    let auth = field["auth"].choice(ExposureAuth.self)
    let allowIPs = field["allowIPs"].networks()
    let embedOrigins = field["embedOrigins"].webOrigins()
    let wake = field["wake"].flag()
    let keepAlive = field["keepAlive"].flag()
    guard let port = field["port"].requiredPort() else { return nil }
    self.init(
      port: port, name: name, host: host ?? .public, upstream: upstream ?? .http1, auth: auth ?? .none,
      allowIPs: allowIPs, embedOrigins: embedOrigins, wake: wake ?? false, keepAlive: keepAlive ?? true)
  }
}

extension Field {
  fileprivate func hostPolicy() -> HostPolicy? {
    let expected = "public, localhost or a fixed host such as app.internal"
    guard let text = text(expected) else { return nil }
    let policy = HostPolicy(text)
    if case .fixed(let host) = policy {
      guard let authority = Authority(host) else {
        refuse(expected: expected)
        return nil
      }
      return .fixed(authority.text)
    }
    return policy
  }

  fileprivate func networks() -> [CIDR] {
    // It would read as "nobody" and mean "anybody".
    if isGiven, isEmptyList { refuse("an empty list limits nothing; leave the key out, or name networks") }
    return distinct("[203.0.113.0/24]", "an address or a block such as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32") {
      CIDR($0)
    }
  }

  fileprivate func webOrigins() -> [String] {
    distinct(
      "[\"https://app.example.com\"]",
      "an origin such as https://app.example.com or http://localhost:3000, without a path"
    ) { WebOrigin.normalized($0) }
  }

  /// The items that `read` understands.
  private func distinct<Item: Hashable>(_ example: String, _ expected: String, _ read: (String) -> Item?) -> [Item] {
    guard let items = items(example) else { return [] }
    var seen: Set<Item> = []
    return items.compactMap { item in
      guard item.isGiven else {
        item.refuse(expected: expected)
        return nil
      }
      guard let text = item.word(expected) else { return nil }
      guard let value = read(text) else {
        item.refuse(expected: expected)
        return nil
      }
      if !seen.insert(value).inserted { item.refuse("\(value) is listed twice") }
      return value
    }
  }
}
