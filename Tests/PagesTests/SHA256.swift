/// FIPS 180-4, for checking hashes in a policy without linking a crypto library.
enum SHA256 {
  static func base64(_ message: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var text = ""
    let bytes = digest(message)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = Array(bytes[start..<min(start + 3, bytes.count)])
      let bits = (0..<3).reduce(UInt32(0)) { $0 << 8 | ($1 < group.count ? UInt32(group[$1]) : 0) }
      for place in 0..<4 {
        text.append(place <= group.count ? alphabet[Int(bits >> UInt32(18 - 6 * place)) & 63] : "=")
      }
    }
    return text
  }

  static func digest(_ message: [UInt8]) -> [UInt8] {
    var padded = message + [0x80]
    while padded.count % 64 != 56 { padded.append(0) }
    for shift in stride(from: 56, through: 0, by: -8) {
      padded.append(UInt8(truncatingIfNeeded: (message.count * 8) >> shift))
    }
    let primes = firstPrimes(64)
    let constants = primes.map { fractionBits($0, root: 3) }
    var state = primes.prefix(8).map { fractionBits($0, root: 2) }
    for block in stride(from: 0, to: padded.count, by: 64) {
      state = zip(state, compressed(state, Array(padded[block..<block + 64]), constants)).map { $0 &+ $1 }
    }
    return state.flatMap { word in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> UInt32($0)) } }
  }

  private static func compressed(_ state: [UInt32], _ block: [UInt8], _ constants: [UInt32]) -> [UInt32] {
    func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 { word >> count | word << (32 - count) }
    var words = (0..<16).map { place in (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(block[place * 4 + $1]) } }
    for place in 16..<64 {
      let a = words[place - 15]
      let b = words[place - 2]
      let small0 = rotated(a, 7) ^ rotated(a, 18) ^ a >> 3
      let small1 = rotated(b, 17) ^ rotated(b, 19) ^ b >> 10
      words.append(words[place - 16] &+ small0 &+ words[place - 7] &+ small1)
    }
    var s = state
    for place in 0..<64 {
      let big1 = rotated(s[4], 6) ^ rotated(s[4], 11) ^ rotated(s[4], 25)
      let choice = s[4] & s[5] ^ ~s[4] & s[6]
      let first = s[7] &+ big1 &+ choice &+ constants[place] &+ words[place]
      let big0 = rotated(s[0], 2) ^ rotated(s[0], 13) ^ rotated(s[0], 22)
      let majority = s[0] & s[1] ^ s[0] & s[2] ^ s[1] & s[2]
      s = [first &+ big0 &+ majority, s[0], s[1], s[2], s[3] &+ first, s[4], s[5], s[6]]
    }
    return s
  }

  private static func firstPrimes(_ count: Int) -> [Int] {
    var primes: [Int] = []
    var candidate = 2
    while primes.count < count {
      if primes.allSatisfy({ candidate % $0 != 0 }) { primes.append(candidate) }
      candidate += 1
    }
    return primes
  }

  /// The first 32 bits behind the point of a root: floor(root(prime * 2^(32 * degree))) without its whole part.
  private static func fractionBits(_ prime: Int, root degree: Int) -> UInt32 {
    let target = UInt128(prime) << UInt128(32 * degree)
    var low: UInt128 = 0
    var high: UInt128 = 1 << 40
    while high - low > 1 {
      let middle = (low + high) / 2
      if (0..<degree).reduce(UInt128(1), { power, _ in power * middle }) <= target {
        low = middle
      } else {
        high = middle
      }
    }
    return UInt32(truncatingIfNeeded: low)
  }
}
