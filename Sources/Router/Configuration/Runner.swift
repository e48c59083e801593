public import Bytes
public import Sandbox

extension Configuration {
  /// Who makes sandboxes.
  public struct Runner: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
      /// Addresses that already exist, from `sandboxes`.
      case `static`
    }

    /// Default: static.
    public var kind: Kind
    /// Default: none.
    public var sandboxes: [StaticSandbox]

    public init(kind: Kind = .static, sandboxes: [StaticSandbox] = []) {
      self.kind = kind
      self.sandboxes = sandboxes
    }
  }

  /// A sandbox of the static runner: an address that somebody else keeps alive.
  public struct StaticSandbox: Sendable, Equatable {
    public var id: SandboxID
    /// Default: 127.0.0.1.
    public var address: IPAddress
    /// Default: published, every exposed port.
    public var ingress: Ingress
    /// The ports that are exposed from the start, under the file's key `ports`. Default: none.
    public var exposures: [Exposure]

    public init(
      id: SandboxID, address: IPAddress = IPAddress(v4: 0x7F00_0001), ingress: Ingress = Ingress(),
      exposures: [Exposure] = []
    ) {
      self.id = id
      self.address = address
      self.ingress = ingress
      self.exposures = exposures
    }
  }
}

extension Configuration.Runner {
  init(_ field: Field) {
    self.init()
    guard field.isSection("{kind: static}") else { return }
    if field["kind"].isWord("kvm") {
      field["kind"].refuse("kvm is not in this build yet; use static")
    } else {
      kind = field["kind"].choice(Kind.self) ?? kind
    }
    var seen: Set<SandboxID> = []
    for item in field["sandboxes"].items("[{id: demo, ports: [3000]}]") ?? [] {
      guard let sandbox = Configuration.StaticSandbox(item) else { continue }
      if !seen.insert(sandbox.id).inserted { item["id"].refuse("the sandbox \(sandbox.id) is listed twice") }
      sandboxes.append(sandbox)
    }
  }
}

extension Configuration.StaticSandbox {
  fileprivate init?(_ field: Field) {
    guard field.isGiven else {
      field.refuse(expected: "a mapping such as {id: demo, ports: [3000]}")
      return nil
    }
    guard field.isSection("{id: demo, ports: [3000]}") else { return nil }
    let address = Configuration.StaticSandbox.readAddress(field["address"])
    let ingress = Ingress(field["ingress"])
    let exposures = Exposure.readList(field["ports"], allowPorts: ingress.allowPorts)
    guard let id = Configuration.StaticSandbox.readID(field["id"]) else { return nil }
    self.init(id: id, address: address ?? IPAddress(v4: 0x7F00_0001), ingress: ingress, exposures: exposures)
  }

  private static func readID(_ field: Field) -> SandboxID? {
    let rule = "an id of a-z, 0-9 and -, beginning with a letter, not ending in -, at most \(SandboxID.lengthMax) long"
    guard field.isGiven else {
      field.require(rule)
      return nil
    }
    guard let text = field.text(rule) else { return nil }
    if text == "api" {
      field.refuse("api.<domain> is the control API's own host; choose another id")
      return nil
    }
    if let id = SandboxID(text) { return id }
    field.refuse(expected: rule)
    return nil
  }

  private static func readAddress(_ field: Field) -> IPAddress? {
    let expected = "an IP address such as 127.0.0.1 or ::1, or localhost; ports go under ports"
    guard let text = field.word(expected) else { return nil }
    if text == "localhost" { return IPAddress(v4: 0x7F00_0001) }
    if let address = IPAddress(text) { return address }
    field.refuse(expected: expected)
    return nil
  }
}

extension Ingress {
  fileprivate init(_ field: Field) {
    self.init()
    guard field.isSection("{mode: open}") else { return }
    mode = field["mode"].choice(Mode.self) ?? mode
    guard let items = field["allowPorts"].items("[3000, 8888]") else { return }
    var ports: Set<UInt16> = []
    for item in items {
      guard let port = item.requiredPort() else { continue }
      if !ports.insert(port).inserted { item.refuse("the port \(port) is listed twice") }
    }
    allowPorts = ports
  }
}

extension Exposure {
  fileprivate static func readList(_ field: Field, allowPorts: Set<UInt16>?) -> [Exposure] {
    var seen: Set<UInt16> = []
    return (field.items("[3000, {port: 8888, name: jupyter}]") ?? []).compactMap { item in
      guard let exposure = Exposure(item) else { return nil }
      let place = item.isMapping ? item["port"] : item
      if !seen.insert(exposure.port).inserted {
        place.refuse("the port \(exposure.port) is exposed twice")
      } else if exposure.port < 1024 {
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
    guard let port = field["port"].requiredPort() else { return nil }
    self.init(port: port, name: name, host: host ?? .public, upstream: upstream ?? .http1)
  }
}

extension Field {
  fileprivate func requiredPort() -> UInt16? {
    if !isGiven { refuse(expected: "a port from 1 to 65535") }
    return port()
  }

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
}
