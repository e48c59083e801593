public import Settings

extension Ingress {
  /// The keys of a sandbox's `ingress`.
  public static let keys = [Schema.Key("mode"), Schema.Key("allowPorts", .list(of: .scalar)), Schema.Key("wake")]

  /// `{mode: open, allowPorts: [3000], wake: true}`; the defaults where the key is absent.
  public init(_ field: Field) {
    self.init()
    guard field.isSection("{mode: open}") else { return }
    mode = field["mode"].choice(Mode.self) ?? mode
    wake = field["wake"].flag() ?? wake
    if field["wake"].isGiven, mode == .published {
      field["wake"].refuse("only means something where mode is open; say wake at each of the ports")
    }
    guard let items = field["allowPorts"].items("[3000, 8888]") else { return }
    var ports: Set<UInt16> = []
    for item in items {
      guard let port = item.requiredPort() else { continue }
      if !ports.insert(port).inserted { item.refuse("the port \(port) is listed twice") }
    }
    allowPorts = ports
  }
}

extension Field {
  func requiredPort() -> UInt16? {
    if !isGiven { refuse(expected: "a port from 1 to 65535") }
    return port()
  }
}
