internal import Bytes
internal import Settings

/// What the configuration says to this runner.
struct MemoryOptions: Hashable, Sendable {
  /// Where the ports of every sandbox lead, if to one and the same address.
  var address: IPAddress?
  /// Where each sandbox gets an address of its own from, as IPv4 numbers.
  var networks: [ClosedRange<UInt32>] = []
  /// Each sandbox answers on its ports by itself.
  var serve = true
  /// Ports that listen from the start.
  var ports: Set<UInt16> = [3000, 8080]
  /// How long after a start or resume they begin to.
  var portDelayMs = 0
  var faults = MemoryFaults()
  var seed: UInt64 = 1
  /// Nothing is left of known sandboxes after a restart.
  var forget = false
  var sandboxesMax = 1_000_000

  static let keys: [Schema.Key] = [
    Schema.Key("address"), Schema.Key("addresses", .list(of: .scalar)), Schema.Key("serve"),
    Schema.Key("ports", .list(of: .scalar)), Schema.Key("portDelay"),
    Schema.Key("delays", .mapping(MemoryVerb.allCases.map { Schema.Key($0.rawValue) })),
    Schema.Key("failures", .mapping(MemoryVerb.allCases.map { Schema.Key($0.rawValue) })),
    Schema.Key("seed"), Schema.Key("forget"), Schema.Key("sandboxesMax"),
  ]
  /// The longest that anything can be made to take: an hour.
  private static let delaysMs = 0...3_600_000

  init() {}

  init(_ field: Field) {
    address = MemoryOptions.readAddress(field["address"])
    networks = MemoryOptions.readNetworks(field["addresses"])
    // A single address is somebody else's: sandboxes that serve by themselves need one each.
    serve = field["serve"].flag() ?? (address == nil)
    if field["address"].isGiven, field["addresses"].isGiven {
      field["address"].refuse("leave it out where addresses gives each sandbox one of its own")
    } else if address != nil, serve {
      field["serve"].refuse("with one address for all sandboxes none can answer by itself; give addresses instead")
    } else if !serve, address == nil, networks.isEmpty {
      address = IPAddress(v4: 0x7F00_0001)
    }
    readPorts(field["ports"])
    portDelayMs = field["portDelay"].duration(MemoryOptions.delaysMs) ?? 0
    for section in ["delays", "failures"] { _ = field[section].isSection("{resume: 300ms}") }
    for verb in MemoryVerb.allCases {
      faults.delaysMs[verb] = field["delays"][verb.rawValue].duration(MemoryOptions.delaysMs)
      faults.failures[verb] = MemoryOptions.readFailure(field["failures"][verb.rawValue])
    }
    seed = field["seed"].integer(0...Int.max).map { UInt64($0) } ?? 1
    forget = field["forget"].flag() ?? false
    sandboxesMax = field["sandboxesMax"].integer(0...10_000_000) ?? sandboxesMax
  }

  /// The keys whose change takes a restart: addresses that were given out cannot be taken back.
  func restartNeeded(comparedTo running: MemoryOptions) -> [String] {
    var keys: [String] = []
    if address != running.address { keys.append("runner.address") }
    if networks != running.networks { keys.append("runner.addresses") }
    if serve != running.serve { keys.append("runner.serve") }
    if seed != running.seed { keys.append("runner.seed") }
    return keys
  }

  // MARK: Reading

  private static func readAddress(_ field: Field) -> IPAddress? {
    let expected = "an IP address such as 127.0.0.1"
    guard let text = field.word(expected) else { return nil }
    if let address = IPAddress(text) { return address }
    field.refuse(expected: expected)
    return nil
  }

  /// A list, or one block alone.
  private static func readNetworks(_ field: Field) -> [ClosedRange<UInt32>] {
    let expected = "an IPv4 address or block such as 127.1.0.0/16, of at most 2^20 addresses"
    let items = field.value?.text == nil ? field.items("[127.1.0.0/16]") ?? [] : [field]
    if field.isGiven, items.isEmpty { field.refuse(expected: "at least one block such as 127.1.0.0/16") }
    var networks: [ClosedRange<UInt32>] = []
    for item in items {
      guard let text = item.word(expected) else { continue }
      guard let block = CIDR(text), block.network.isV4, block.prefixBits >= 108 else {
        item.refuse(expected: expected)
        continue
      }
      let first = block.network.v4
      let size = UInt32(1) << (128 - UInt32(block.prefixBits))
      // The first and the last of a block are the network's and everybody's.
      let range = size > 2 ? first + 1...first + (size - 2) : first...first + (size - 1)
      if networks.contains(where: { $0.overlaps(range) }) { item.refuse("\(block) is in the list already") }
      networks.append(range)
    }
    return networks
  }

  private mutating func readPorts(_ field: Field) {
    guard let items = field.items("[3000, 8080]") else { return }
    ports = Set(
      items.compactMap { item in
        if !item.isGiven { item.refuse(expected: "a port from 1 to 65535") }
        return item.port()
      })
  }

  /// `0.2` is a fifth of all times, `next 3` the next three.
  private static func readFailure(_ field: Field) -> MemoryFailure? {
    let expected = "a share from 0 to 1, or text such as \"next 3\""
    guard let text = field.word(expected) else { return nil }
    if text.hasPrefix("next "), let count = Int(text.dropFirst(5)), (0...1_000_000).contains(count) {
      return .next(count)
    }
    if let share = Double(text), (0...1).contains(share) { return .share(share) }
    field.refuse(expected: expected)
    return nil
  }
}
