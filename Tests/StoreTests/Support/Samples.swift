import Bytes
import Sandbox
import Store

/// A seeded generator (SplitMix64), so that a failure can be had again.
struct Seeded: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
  mutating func chance() -> Bool { Bool.random(using: &self) }
  mutating func maybe<T>(_ make: (inout Seeded) -> T) -> T? { chance() ? make(&self) : nil }
  mutating func time() -> UInt64 { UInt64.random(in: 0...3_000, using: &self) }
  mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }

  /// With whatever might trip an encoding: quotes, commas, digits, NUL, other scripts, nothing at all.
  mutating func text() -> String {
    let pieces = [
      "", "a", "'", "\"", ",", ":", "3:abc,", "\0", "\n", "ä", "日本", "🚪", "%", ";--", "fixed:", "localhost",
    ]
    return (0..<below(5)).map { _ in pick(pieces) }.joined()
  }

  mutating func id(_ prefix: String = "s") -> SandboxID {
    let letters = Array("0123456789abcdefghjkmnpqrstvwxyz")
    return SandboxID(prefix + String((0..<20).map { _ in pick(letters) }))!
  }

  mutating func spec() -> SandboxSpec {
    var env: [String: String] = [:]
    for _ in 0..<below(4) { env[text()] = text() }
    return SandboxSpec(
      image: text(), vcpus: below(9), memMiB: below(9_000), diskMiB: below(9_000), networkProfile: maybe { $0.text() },
      env: env)
  }

  mutating func address() -> SandboxAddress {
    switch below(4) {
    case 0: .none
    case 1: .ip(IPAddress(v4: UInt32.random(in: .min ... .max, using: &self)))
    case 2: .ip(IPAddress(high: next(), low: next()))
    default: .unix(template: "/run/" + text() + "/{port}.sock")
    }
  }

  mutating func sandbox() -> StoredSandbox {
    StoredSandbox(
      id: id(), name: maybe { $0.text() }, state: pick(SandboxState.allCases), spec: spec(),
      ingress: Ingress(
        mode: pick(Ingress.Mode.allCases),
        allowPorts: maybe { random in Set((0..<random.below(4)).map { _ in random.port() }) }, wake: chance()),
      credential: maybe { random in
        SandboxCredential(
          tokenHash: (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }, epoch: random.next())
      },
      timeoutSec: maybe { $0.below(9_000) }, onIdle: pick(IdleAction.allCases), address: address(),
      createMs: below(9_000), createdAtMs: time(), runningSinceMs: maybe { $0.time() }, ranMs: time(),
      endedAtMs: below(4) == 0 ? time() : nil,
      usage: SandboxUsage(cpuMs: time(), memPeakBytes: time(), uptimeMs: maybe { $0.time() }),
      reason: maybe { $0.text() })
  }

  mutating func port() -> UInt16 { UInt16.random(in: .min ... .max, using: &self) }

  mutating func networks() -> [CIDR] {
    let some = ["10.0.0.0/8", "192.0.2.7", "0.0.0.0/0", "::/0", "2001:db8::/32", "::1", "255.255.255.255/32"]
    return (0..<below(3)).map { _ in CIDR(pick(some))! }
  }

  mutating func exposure(of sandbox: SandboxID, port: UInt16) -> StoredExposure {
    StoredExposure(
      sandbox: sandbox,
      exposure: Exposure(
        port: port, name: maybe { $0.text() }, host: pick([.public, .localhost, .fixed(text()), .fixed("public")]),
        upstream: pick(UpstreamProtocol.allCases), auth: pick(ExposureAuth.allCases), allowIPs: networks(),
        embedOrigins: (0..<below(3)).map { _ in text() }, wake: chance(), keepAlive: chance(),
        expiresAtMs: maybe { $0.time() }, nonce: next()),
      createdAtMs: time(), firstRequestAtMs: maybe { $0.time() })
  }

  mutating func link(of sandbox: SandboxID, port: UInt16) -> StoredLink {
    StoredLink(
      sandbox: sandbox, port: port,
      link: ShareLink(
        id: next(), once: chance(), expiresAtMs: time(), pathPrefix: maybe { $0.text() },
        methods: pick([[], ["GET"], ["GET", "POST", text()]]), allowIPs: networks()),
      name: maybe { $0.text() }, createdAtMs: time(), lastUsedAtMs: maybe { $0.time() },
      redeemedAtMs: maybe { $0.time() })
  }

  mutating func snapshot() -> StoredSnapshot {
    StoredSnapshot(
      id: id("n"), sandbox: id(), info: SnapshotInfo(sizeBytes: time(), spec: spec()), createdAtMs: time())
  }

  mutating func apiKey() -> StoredAPIKey {
    StoredAPIKey(
      id: id("k").text, name: text(), hash: (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &self) },
      createdAtMs: time(), lastUsedAtMs: maybe { $0.time() }, revokedAtMs: maybe { $0.time() })
  }

  mutating func event() -> StoredEvent {
    StoredEvent(
      atMs: time(), type: text(), sandbox: maybe { $0.id() }, port: maybe { $0.port() }, details: text())
  }

  mutating func answer() -> StoredAnswer {
    StoredAnswer(
      key: id("a").text + text(), fingerprint: [UInt8](repeating: 7, count: below(40)), status: below(600),
      body: [UInt8](repeating: 0, count: below(3)), sandbox: maybe { $0.id() }, createdAtMs: time())
  }
}

/// A sandbox with nothing special about it.
func plainSandbox(_ id: String, createdAtMs: UInt64 = 1, endedAtMs: UInt64? = nil) -> StoredSandbox {
  StoredSandbox(
    id: SandboxID(id)!, spec: SandboxSpec(image: "alpine"), createdAtMs: createdAtMs, endedAtMs: endedAtMs)
}

func plainExposure(_ sandbox: String, port: UInt16, expiresAtMs: UInt64? = nil) -> StoredExposure {
  StoredExposure(
    sandbox: SandboxID(sandbox)!, exposure: Exposure(port: port, expiresAtMs: expiresAtMs, nonce: 1), createdAtMs: 1)
}

func plainLink(_ id: UInt64, _ sandbox: String, port: UInt16, createdAtMs: UInt64 = 1) -> StoredLink {
  StoredLink(
    sandbox: SandboxID(sandbox)!, port: port, link: ShareLink(id: id, expiresAtMs: 1_000), createdAtMs: createdAtMs)
}
