internal import Auth
internal import Loop
internal import Store

/// The keys of the control API, by the hashes of their texts. There are few of them, and all are here.
@ControlLoop
final class APIKeys {
  private var byHash: [[UInt8]: StoredAPIKey] = [:]
  /// Uses that are not written down yet.
  private var used: [String: UInt64] = [:]
  /// Writing every use would make reading the API write.
  private static let usePrecisionMs: UInt64 = 60_000

  nonisolated init() {}

  func load(_ keys: [StoredAPIKey]) {
    byHash = [:]
    for key in keys { put(key) }
  }

  func put(_ key: StoredAPIKey) { byHash[key.hash] = key.revokedAtMs == nil ? key : nil }

  var validCount: Int { byHash.count }

  func isValid(_ id: String) -> Bool { byHash.values.contains { $0.id == id } }

  /// The id of the key with this text. Finding a hash by hashing tells nothing about how much of a guess was right.
  func id(of text: String, nowMs: UInt64) -> String? {
    let hash = SHA256.hash(text)
    guard var key = byHash[hash], ConstantTime.equals(key.hash, hash) else { return nil }
    if nowMs >= (key.lastUsedAtMs ?? 0) + APIKeys.usePrecisionMs {
      key.lastUsedAtMs = nowMs
      byHash[hash] = key
      used[key.id] = nowMs
    }
    return key.id
  }

  /// What `lastUsedAt` should be written for.
  func takeUses() -> [String: UInt64] {
    defer { used = [:] }
    return used
  }

  /// A key's text, which is kept nowhere. The epoch is random and forgotten when the answer that shows it is.
  nonisolated static func text(id: String, epoch: UInt64, _ keys: CredentialKeys) -> String {
    // No sandbox has a colon in its id, so no token is derived from the same.
    let derived = keys.token(sandbox: "key:" + id, epoch: epoch)
    return "\(Secret.apiKeyPrefix)" + derived.dropFirst(Secret.tokenPrefix.utf8CodeUnitCount)
  }

  nonisolated static func make(name: String, nowMs: UInt64, _ keys: CredentialKeys) -> (StoredAPIKey, epoch: UInt64) {
    let id = Secret.makeID("key")
    let epoch = SecureRandom.nonzero()
    let hash = SHA256.hash(text(id: id, epoch: epoch, keys))
    return (StoredAPIKey(id: id, name: name, hash: hash, createdAtMs: nowMs), epoch)
  }
}
