import Auth
import Bytes
import Glibc
import HTTP
import Router
import Sandbox
import Store

/// What deciding costs, and what a million sandboxes do: `swift run -c release --package-path bench decide [count…]`.
@main
struct Decide {
  static func main() throws {
    let counts = CommandLine.arguments.dropFirst().compactMap { Int($0) }
    print("Deciding: host to verdict, on one core. Hosts are asked for in random order.")
    print("  sandboxes   public ns   protected ns   404 ns   change us   bytes each")
    for count in counts.isEmpty ? [1_000, 10_000, 100_000, 1_000_000] : counts { measure(count) }
    print("\nCredentials, once decided:")
    credentials()
    print("\nFrom the store:")
    try fromStore(counts.max() ?? 1_000_000)
  }

  // MARK: The table

  /// Two ports each: one for everybody, one that asks for a token.
  static func record(_ number: Int, _ credential: SandboxCredential) -> SandboxRecord {
    SandboxRecord(
      id: SandboxID(id(number))!, generation: Generation.next(), address: .ip(IPAddress(v4: 0x0A00_0000 + UInt32(number))),
      exposures: [Exposure(port: 3000, nonce: 1), Exposure(port: 8080, auth: .token, nonce: 2)], credential: credential)
  }

  /// 26 bytes, as the ids that Porthole makes have 21 and more.
  static func id(_ number: Int) -> String {
    var value = UInt64(number) &* 0x9E37_79B9_7F4A_7C15
    var text = "sandbox-"
    for _ in 0..<18 {
      text.append(Character(UnicodeScalar(UInt8(97 + value % 26))))
      value = value / 26 &+ UInt64(number) &* 31
    }
    return text
  }

  static func measure(_ count: Int) {
    let credential = SandboxCredential(tokenHash: [UInt8](repeating: 7, count: 32), epoch: 1)
    let before = residentBytes()
    var table = RouteTable(domains: ["preview.example.com"])
    for start in stride(from: 0, to: count, by: 4096) {
      table = table.applying((start..<min(start + 4096, count)).map { .putSandbox(record($0, credential)) })
    }
    let bytes = (residentBytes() - before) / count

    let asked = 400_000
    var generator = SplitMix(seed: 42)
    func hosts(_ port: Int, _ suffix: String = "") -> [[UInt8]] {
      (0..<asked / 4).map { _ in
        Array("\(port)-\(id(Int(generator.next() % UInt64(count))))\(suffix).preview.example.com:8443".utf8)
      }
    }
    let publicNs = time(table, hosts(3000), asked)
    let protectedNs = time(table, hosts(8080), asked)
    let unknownNs = time(table, hosts(3000, "x"), asked)

    var changing = table
    let changes = 2_000
    let began = now()
    for number in 0..<changes {
      changing = changing.applying([.putSandbox(record(Int(generator.next() % UInt64(count)) + number % 2, credential))])
    }
    let changeUs = Double(now() - began) / Double(changes) / 1000
    print(
      "  \(pad(count, 9))\(pad(publicNs, 12))\(pad(protectedNs, 15))\(pad(unknownNs, 9))\(pad(tenths(changeUs), 12))\(pad(bytes, 13))")
  }

  static func time(_ table: RouteTable, _ hosts: [[UInt8]], _ asked: Int) -> Int {
    let target = Array("/some/path?x=1".utf8)
    var verdicts = 0
    let began = now()
    var left = asked
    while left > 0 {
      for host in hosts {
        host.withUnsafeBufferPointer { authority in
          target.withUnsafeBufferPointer { target in
            switch table.decide(authority: authority, target: target) {
            case .forward(_, let port): verdicts &+= Int(port)
            case .guarded(let guarded): verdicts &+= guarded.needsToken ? 1 : 2
            case .refuse: verdicts &+= 3
            default: break
            }
          }
        }
      }
      left -= hosts.count
    }
    precondition(verdicts > 0)
    return Int(now() - began) / asked
  }

  // MARK: Credentials

  static func credentials() {
    let keys = CredentialKeys.random(nowMs: 0)
    let token = Array(keys.token(sandbox: id(1), epoch: 1).utf8)
    let cookie = Array(
      keys.seal(Pass(kind: .cookie, port: 3000, expiresAt: 1 << 39, epoch: 1, nonce: 2), sandbox: id(1)).utf8)
    let sandbox = Array(id(1).utf8)
    let rounds = 300_000
    var good = 0
    var hash = [UInt8](repeating: 0, count: 32)
    var began = now()
    for _ in 0..<rounds {
      token.withUnsafeBufferPointer { token in
        hash.withUnsafeMutableBufferPointer { SHA256.hash(token, into: $0.baseAddress!) }
      }
      good &+= Int(hash[0] & 1) + 1
    }
    print("  token (SHA-256)      \(Int(now() - began) / rounds) ns")
    began = now()
    for _ in 0..<rounds {
      let pass = cookie.withUnsafeBufferPointer { cookie in
        sandbox.withUnsafeBufferPointer { keys.open(cookie, sandbox: $0) }
      }
      good &+= pass == nil ? 0 : 1
    }
    print("  cookie (HMAC-SHA256) \(Int(now() - began) / rounds) ns")
    precondition(good >= rounds * 2)
  }

  // MARK: The store

  static func fromStore(_ count: Int) throws {
    var template = Array("/tmp/porthole-decide-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("no folder in /tmp") }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let path = folder + "/porthole.db"
    defer {
      for name in ["", "-wal", "-shm", ".keys", ".lock"] { unlink(path + name) }
      rmdir(folder)
    }
    let store = try Store(.file(path: path))
    var began = now()
    try fill(store, count)
    print("  filled with \(count) sandboxes of two ports in \(tenths(Double(now() - began) / 1e9)) s")

    let before = residentBytes()
    began = now()
    var table = RouteTable(domains: ["preview.example.com"])
    var changes: [RouteChange] = []
    var seen = 0
    try store.forEachSandbox(nowMs: 1) { sandbox, exposures in
      seen += 1
      changes.append(
        .putSandbox(
          SandboxRecord(
            id: sandbox.id, generation: 0, state: sandbox.state, address: sandbox.address, ingress: sandbox.ingress,
            exposures: exposures, credential: sandbox.credential)))
      if changes.count == 4096 {
        table = table.applying(changes)
        changes.removeAll(keepingCapacity: true)
      }
    }
    table = table.applying(changes)
    precondition(seen == count && table.count == count)
    let seconds = Double(now() - began) / 1e9
    print("  read and routed in \(tenths(seconds)) s, \((residentBytes() - before) / count) bytes each")
  }

  static func fill(_ store: Store, _ count: Int) throws {
    let done = Flag()
    let task = Task {
      for start in stride(from: 0, to: count, by: 5_000) {
        try await store.write { tx in
          for number in start..<min(start + 5_000, count) {
            let sandbox = SandboxID(id(number))!
            try tx.insert(
              StoredSandbox(
                id: sandbox, state: .running, spec: SandboxSpec(image: "python:3.12-slim"),
                credential: SandboxCredential(tokenHash: [UInt8](repeating: 7, count: 32), epoch: UInt64(number)),
                address: .ip(IPAddress(v4: 0x0A00_0000 + UInt32(number))), createdAtMs: 1))
            for port in [UInt16(3000), 8080] {
              try tx.insert(
                StoredExposure(
                  sandbox: sandbox,
                  exposure: Exposure(port: port, auth: port == 8080 ? .token : .none, nonce: UInt64(number)),
                  createdAtMs: 1))
            }
          }
        }
      }
      done.set()
    }
    done.wait()
    withExtendedLifetime(task) {}
  }
}

// MARK: Small things

/// SplitMix64 (Steele, Lea, Flood 2014): the same hosts at every run.
struct SplitMix {
  var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Set once by another thread.
final class Flag: Sendable {
  private let fds: (read: Int32, write: Int32)
  init() {
    var pair: [Int32] = [0, 0]
    precondition(pipe(&pair) == 0)
    fds = (pair[0], pair[1])
  }
  func set() { _ = write(fds.write, "x", 1) }
  func wait() {
    var byte: UInt8 = 0
    _ = read(fds.read, &byte, 1)
  }
}

func now() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// `VmRSS` of this process.
func residentBytes() -> Int {
  guard let file = fopen("/proc/self/statm", "r") else { return 0 }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 128)
  fgets(&line, 128, file)
  let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
  return (words.count > 1 ? Int(words[1]) ?? 0 : 0) * sysconf(Int32(_SC_PAGESIZE))
}

func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
func pad(_ value: some CustomStringConvertible, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - "\(value)".count)) + "\(value)"
}
