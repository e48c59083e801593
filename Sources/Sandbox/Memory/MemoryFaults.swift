internal import Sandbox
internal import Synchronization

/// When a verb fails on purpose.
enum MemoryFailure: Hashable, Sendable {
  /// 0 to 1.
  case share(Double)
  /// The next so many times, then no more.
  case next(Int)
}

/// Slowness and failures that somebody asked for, of one runner or of one of its sandboxes.
struct MemoryFaults: Hashable, Sendable {
  var delaysMs: [MemoryVerb: Int] = [:]
  var failures: [MemoryVerb: MemoryFailure] = [:]

  /// Whether this time is one that fails.
  mutating func fails(_ verb: MemoryVerb, dice: inout MemoryDice) -> Bool {
    switch failures[verb] {
    case nil: return false
    case .share(let share): return dice.roll() < share
    case .next(let count):
      failures[verb] = count > 1 ? .next(count - 1) : nil
      return count > 0
    }
  }
}

/// SplitMix64: the same seed gives the same failures.
struct MemoryDice: Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// 0 up to, but not, 1.
  mutating func roll() -> Double {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    bits ^= bits >> 31
    return Double(bits >> 11) / Double(1 << 53)
  }
}

// MARK: Per sandbox

/// What the environment of a sandbox asks of this runner. Those variables are no environment of what runs inside.
struct MemoryWishes: Sendable {
  static let prefix = "PORTHOLE_MEMORY_"

  var faults = MemoryFaults()
  /// Ports that listen from the start; nil for the runner's own.
  var ports: Set<UInt16>?
  /// How long after its start they begin to; nil for the runner's own.
  var portDelayMs: Int?

  init() {}

  /// - Throws: `.invalid` for a variable with the prefix that is none, or has no such value.
  init(_ env: [String: String]) throws(RunnerError) {
    for (name, text) in env.sorted(by: { $0.key < $1.key }) where name.hasPrefix(MemoryWishes.prefix) {
      let word = name.dropFirst(MemoryWishes.prefix.count)
      if word == "PORTS" {
        ports = try MemoryWishes.ports(text, name)
      } else if word == "PORT_DELAY_MS" {
        portDelayMs = try MemoryWishes.number(text, name)
      } else if let verb = MemoryVerb.allCases.first(where: { word == "\($0.variable)_DELAY_MS" }) {
        faults.delaysMs[verb] = try MemoryWishes.number(text, name)
      } else if let verb = MemoryVerb.allCases.first(where: { word == "FAIL_\($0.variable)" }) {
        faults.failures[verb] = .next(try MemoryWishes.number(text, name))
      } else {
        throw .invalid(
          field: "env.\(name)",
          "the memory runner knows PORTS, PORT_DELAY_MS, FAIL_<VERB> and <VERB>_DELAY_MS behind \(MemoryWishes.prefix)")
      }
    }
  }

  private static func number(_ text: String, _ name: String) throws(RunnerError) -> Int {
    guard let number = Int(text), (0...86_400_000).contains(number) else {
      throw .invalid(field: "env.\(name)", "expected a whole number from 0 to 86400000")
    }
    return number
  }

  private static func ports(_ text: String, _ name: String) throws(RunnerError) -> Set<UInt16> {
    var ports: Set<UInt16> = []
    for word in text.split(separator: ",") {
      guard let port = UInt16(word), port > 0 else {
        throw .invalid(field: "env.\(name)", "expected ports such as 3000,4000")
      }
      ports.insert(port)
    }
    return ports
  }
}
