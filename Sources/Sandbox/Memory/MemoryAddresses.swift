internal import Bytes
internal import Sandbox

/// Gives every sandbox an address that no other one has. What was given back is taken again as late as possible.
struct MemoryAddresses {
  private let networks: [ClosedRange<UInt32>]
  private var taken: Set<UInt32> = []
  /// Where the search for the next one starts: a network and a place in it.
  private var cursor: (network: Int, offset: UInt32) = (0, 0)

  init(_ networks: [ClosedRange<UInt32>]) { self.networks = networks }

  private var count: Int { networks.reduce(0) { $0 + $1.count } }

  /// Nil where all are taken.
  mutating func take() -> IPAddress? {
    guard taken.count < count else { return nil }
    while true {
      let network = networks[cursor.network]
      let number = network.lowerBound + cursor.offset
      if number < network.upperBound {
        cursor.offset += 1
      } else {
        cursor = ((cursor.network + 1) % networks.count, 0)
      }
      if taken.insert(number).inserted { return IPAddress(v4: number) }
    }
  }

  /// One that a sandbox had before a restart. False where it is not ours to give or has been given.
  mutating func take(_ address: IPAddress) -> Bool {
    guard let number = MemoryAddresses.number(address), networks.contains(where: { $0.contains(number) }) else {
      return false
    }
    return taken.insert(number).inserted
  }

  mutating func giveBack(_ address: IPAddress) {
    if let number = MemoryAddresses.number(address) { taken.remove(number) }
  }

  private static func number(_ address: IPAddress) -> UInt32? {
    address.isV4 ? address.v4 : nil
  }
}
