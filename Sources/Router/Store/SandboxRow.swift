internal import Bytes
internal import Sandbox

/// How a sandbox lies in its row.
enum SandboxRow {
  /// Those that `values` and an update set, in this order.
  private static let changing = [
    "name", "state", "image", "vcpus", "memMiB", "diskMiB", "networkProfile", "env", "ingress", "ingressWake",
    "allowPorts", "tokenHash", "epoch", "timeoutSec", "onIdle", "address", "createMs", "runningSinceMs", "ranMs",
    "endedAtMs", "cpuMs", "memPeakBytes", "uptimeMs", "reason",
  ]
  /// As `decode` reads them.
  static let columns = (["id", "createdAtMs"] + changing).joined(separator: ", ")

  static let insert = """
    INSERT INTO sandbox (\(columns)) VALUES (\(Array(repeating: "?", count: changing.count + 2).joined(separator: ", ")))
    """
  static let update =
    "UPDATE sandbox SET \(changing.map { $0 + " = ?" }.joined(separator: ", ")) WHERE id = ?"
  static let living = """
    SELECT \(columns) FROM sandbox WHERE endedAtMs IS NULL AND (createdAtMs, id) > (?, ?)
    ORDER BY createdAtMs, id LIMIT ?
    """
  static let ended = """
    SELECT \(columns) FROM sandbox WHERE endedAtMs IS NOT NULL AND (endedAtMs, id) < (?, ?)
    ORDER BY endedAtMs DESC, id DESC LIMIT ?
    """

  static func values(_ sandbox: StoredSandbox) -> [Value] {
    [.text(sandbox.name), .text(sandbox.state.rawValue)] + SpecColumns.values(sandbox.spec) + [
      .text(sandbox.ingress.mode.rawValue), .flag(sandbox.ingress.wake),
      .text(sandbox.ingress.allowPorts.map(PortList.encode)),
      sandbox.credential.map { .bytes($0.tokenHash) } ?? .null, sandbox.credential.map { .word($0.epoch) } ?? .null,
      sandbox.timeoutSec.map { .count($0) } ?? .null, .text(sandbox.onIdle.rawValue), .text(text(sandbox.address)),
      .count(sandbox.createMs), .amount(sandbox.runningSinceMs), .amount(sandbox.ranMs), .amount(sandbox.endedAtMs),
      .amount(sandbox.usage.cpuMs), .amount(sandbox.usage.memPeakBytes), .amount(sandbox.usage.uptimeMs),
      .text(sandbox.reason),
    ]
  }

  static func decode(_ row: Columns) throws -> StoredSandbox {
    StoredSandbox(
      id: try row.id(0), name: row.textOrNil(2), state: try row.choice(3), spec: try SpecColumns.decode(row, from: 4),
      ingress: Ingress(mode: try row.choice(10), allowPorts: try ports(row, 12), wake: row.flag(11)),
      credential: try credential(row, 13), timeoutSec: row.isNull(15) ? nil : Int(row.int(15)),
      onIdle: try row.choice(16), address: try address(row, 17), createMs: Int(row.int(18)), createdAtMs: row.amount(1),
      runningSinceMs: row.amountOrNil(19), ranMs: row.amount(20), endedAtMs: row.amountOrNil(21),
      usage: SandboxUsage(cpuMs: row.amount(22), memPeakBytes: row.amount(23), uptimeMs: row.amountOrNil(24)),
      reason: row.textOrNil(25))
  }

  private static func ports(_ row: Columns, _ index: Int32) throws -> Set<UInt16>? {
    if row.isNull(index) { return nil }
    guard let ports = PortList.decode(row.buffer(index)) else { throw row.damaged(index) }
    return ports
  }

  private static func credential(_ row: Columns, _ index: Int32) throws -> SandboxCredential? {
    if row.isNull(index) { return nil }
    let hash = row.bytes(index)
    guard hash.count == 32 else { throw row.damaged(index) }
    return SandboxCredential(tokenHash: hash, epoch: row.word(index + 1))
  }

  private static let socketPrefix = "unix:"

  private static func text(_ address: SandboxAddress) -> String? {
    switch address {
    case .ip(let ip): ip.description
    case .unix(let template): socketPrefix + template
    case .none: nil
    }
  }

  private static func address(_ row: Columns, _ index: Int32) throws -> SandboxAddress {
    if row.isNull(index) { return .none }
    let text = row.text(index)
    if text.hasPrefix(socketPrefix) { return .unix(template: String(text.dropFirst(socketPrefix.count))) }
    guard let ip = IPAddress(text) else { throw row.damaged(index) }
    return .ip(ip)
  }
}

/// What sandboxes and snapshots have in common: image, vcpus, memMiB, diskMiB, networkProfile, env.
enum SpecColumns {
  static func values(_ spec: SandboxSpec) -> [Value] {
    [
      .text(spec.image), .count(spec.vcpus), .count(spec.memMiB), .count(spec.diskMiB), .text(spec.networkProfile),
      .text(StringList.encode(spec.env.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] })),
    ]
  }

  static func decode(_ row: Columns, from index: Int32) throws -> SandboxSpec {
    SandboxSpec(
      image: row.text(index), vcpus: Int(row.int(index + 1)), memMiB: Int(row.int(index + 2)),
      diskMiB: Int(row.int(index + 3)), networkProfile: row.textOrNil(index + 4), env: try env(row, index + 5))
  }

  private static func env(_ row: Columns, _ index: Int32) throws -> [String: String] {
    let list = try row.strings(index)
    if list.isEmpty { return [:] }
    guard list.count % 2 == 0 else { throw row.damaged(index) }
    var env: [String: String] = [:]
    for at in stride(from: 0, to: list.count, by: 2) { env[list[at]] = list[at + 1] }
    return env
  }
}
