internal import Bytes
public import Sandbox
public import Settings

/// `kind: static`: addresses that already exist, from `runner.sandboxes`.
public struct StaticRunnerPlugin: RunnerPlugin {
  public init() {}

  public var kind: String { "static" }

  public var keys: [Schema.Key] {
    [
      Schema.Key(
        "sandboxes",
        .list(
          of: .mapping([
            Schema.Key("id"), Schema.Key("address"), Schema.Key("ingress", .mapping(Ingress.keys)),
            Schema.Key("ports", .list(of: .scalarOrMapping(Exposure.keys))),
          ])))
    ]
  }

  public func check(_ section: Field) -> [ListedSandbox] {
    var seen: Set<SandboxID> = []
    return (section["sandboxes"].items("[{id: demo, ports: [3000]}]") ?? []).compactMap { item in
      guard let sandbox = ListedSandbox(item) else { return nil }
      if !seen.insert(sandbox.id).inserted { item["id"].refuse("the sandbox \(sandbox.id) is listed twice") }
      return sandbox
    }
  }

  public func make(_ options: RunnerOptions) throws -> any SandboxRunner {
    StaticRunner(try options.read(check))
  }
}

extension ListedSandbox {
  fileprivate init?(_ field: Field) {
    guard field.isGiven else {
      field.refuse(expected: "a mapping such as {id: demo, ports: [3000]}")
      return nil
    }
    guard field.isSection("{id: demo, ports: [3000]}") else { return nil }
    let address = ListedSandbox.readAddress(field["address"])
    let ingress = Ingress(field["ingress"])
    let exposures = Exposure.readList(field["ports"], allowPorts: ingress.allowPorts)
    guard let id = ListedSandbox.readID(field["id"]) else { return nil }
    self.init(id: id, address: .ip(address ?? IPAddress(v4: 0x7F00_0001)), ingress: ingress, exposures: exposures)
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

  /// An IP address, or `localhost`. Other names are refused: they would have to be resolved again and again, and a
  /// name that starts to point elsewhere would take one sandbox's visitors to another.
  private static func readAddress(_ field: Field) -> IPAddress? {
    let expected = "an IP address such as 127.0.0.1 or ::1, or localhost; ports go under ports"
    guard let text = field.word(expected) else { return nil }
    if text == "localhost" { return IPAddress(v4: 0x7F00_0001) }
    if let address = IPAddress(text) { return address }
    field.refuse(expected: expected)
    return nil
  }
}
