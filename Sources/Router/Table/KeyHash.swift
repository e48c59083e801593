/// A seeded hash over the lower-cased bytes of an id or a host.
///
/// Ids are partly chosen by clients, who must not be able to choose where they land in the trie: both words of the seed
/// are random and never leave the process. Folded multiplication (as in wyhash) costs about a nanosecond per eight
/// bytes. Should two keys collide all the same, the trie keeps them apart by their bytes.
struct KeyHash: Sendable {
  private let seed: UInt64
  /// Odd, so that no bit of the input is multiplied away.
  private let multiplier: UInt64
  /// All ones, except in tests that want collisions.
  private let mask: UInt64

  init(seed: UInt64, multiplier: UInt64, mask: UInt64 = .max) {
    self.seed = seed
    self.multiplier = multiplier | 1
    self.mask = mask
  }

  static func random() -> KeyHash { KeyHash(seed: .random(in: 0 ... .max), multiplier: .random(in: 0 ... .max)) }

  @inline(__always)
  func callAsFunction(_ key: UnsafeBufferPointer<UInt8>) -> UInt64 {
    let count = key.count
    guard count > 0, let start = UnsafeRawPointer(key.baseAddress) else { return 0 }
    var state = seed
    var at = 0
    while at &+ 8 < count {
      state = fold(state ^ start.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      at &+= 8
    }
    state = fold(state ^ KeyHash.lastWord(start, count))
    // Words overlap, so the length counts too. It goes in when the state is mixed: beside the raw bytes it could be
    // outweighed by them, as `b` and `ab` once showed whatever the seed.
    return fold(state ^ (multiplier &+ UInt64(truncatingIfNeeded: count))) & mask
  }

  /// The last one to eight bytes. Reading the last eight over again is quicker than reading only what is left.
  @inline(__always)
  private static func lastWord(_ start: UnsafeRawPointer, _ count: Int) -> UInt64 {
    if count >= 8 { return start.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self) }
    if count >= 4 {
      let low = start.loadUnaligned(as: UInt32.self)
      let high = start.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
      return UInt64(low) | UInt64(high) << 32
    }
    let first = start.load(as: UInt8.self)
    let middle = start.load(fromByteOffset: count / 2, as: UInt8.self)
    let last = start.load(fromByteOffset: count &- 1, as: UInt8.self)
    return UInt64(first) | UInt64(middle) << 8 | UInt64(last) << 16
  }

  @inline(__always)
  private func fold(_ word: UInt64) -> UInt64 {
    let product = word.multipliedFullWidth(by: multiplier)
    return product.high ^ product.low
  }
}
