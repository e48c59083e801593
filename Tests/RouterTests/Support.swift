import Bytes
import HTTP
import Sandbox
import Synchronization

@testable import Router

/// A decision as text, to be compared in tables: `forward bench:8080`, `porthole -:8080`, `404 route/not-found`.
func decide(_ table: RouteTable, _ host: String, _ target: String = "/") -> String {
  var (host, target) = (host, target)
  let decision = host.withUTF8 { host in target.withUTF8 { table.decide(authority: host, target: $0) } }
  switch decision {
  case .forward(let upstream, let port): return "forward \(upstream.takeUnretainedValue().name):\(port)"
  case .guarded(let guarded):
    if let refusal = guarded.state.refusal { return "\(refusal.status) \(refusal.word)" }
    return "guarded \(guarded.target.takeUnretainedValue().name):\(guarded.port)"
  case .porthole(let guarded, let port):
    return "porthole \(guarded?.target.takeUnretainedValue().name ?? "-"):\(port)"
  case .control: return "control"
  case .refuse(let refusal): return "\(refusal.status) \(refusal.word)"
  }
}

func upstream(_ table: RouteTable, _ host: String) -> UpstreamTarget? {
  var host = host
  let decision = host.withUTF8 { table.decide(authority: $0, target: UnsafeBufferPointer(start: nil, count: 0)) }
  guard case .forward(let target, _) = decision else { return nil }
  return target.takeUnretainedValue()
}

func agrees(_ serverName: String, _ authority: String) -> Bool {
  var (serverName, authority) = (serverName, authority)
  return serverName.withUTF8 { serverName in
    authority.withUTF8 { RouteTable.agrees(serverName: serverName, authority: $0) }
  }
}

let loopback = IPAddress(v4: 0x7F00_0001)

func record(
  _ id: String, _ mode: Ingress.Mode = .open, state: SandboxState = .running, allow: Set<UInt16>? = nil,
  expose: [Exposure] = []
) -> SandboxRecord {
  SandboxRecord(
    id: SandboxID(id)!, generation: Generation.next(), state: state, address: .ip(loopback),
    ingress: Ingress(mode: mode, allowPorts: allow), exposures: expose)
}

/// A gateway whose name in decisions is `gateway`.
func gateway(_ port: UInt16 = 3000) -> UpstreamTarget {
  .gateway(to: .tcp(SocketAddress(ip: loopback, port: port)))
}

extension UpstreamTarget {
  fileprivate var name: String { isGateway ? "gateway" : sandboxID }
}

extension KeyHash {
  /// Two bits of 64 are left: every fourth key has the hash of this one, so buckets at the trie's end are long.
  static let colliding = KeyHash(seed: 1, multiplier: 3, mask: 0x8000_0000_0000_0001)
  /// All keys go the same way for five levels and differ below.
  static let deep = KeyHash(seed: 5, multiplier: 0x9E37_79B9_7F4A_7C15, mask: 0xFFFF_FFF8_0000_0000)
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same seed, the same test.
struct SeededRandom: RandomNumberGenerator {
  var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

extension TrieMemory {
  var census: (nodesLive: Int, entriesLive: Int, nodesMade: Int) {
    (nodesLive.load(ordering: .relaxed), entriesLive.load(ordering: .relaxed), nodesMade.load(ordering: .relaxed))
  }
}
