internal import Bytes

/// What grants and cookies are sealed with, and tokens derived from: an immutable snapshot that workers hold.
///
/// Sealing uses the newest key; opening accepts every key of the ring by its id, so that rotating invalidates nothing
/// before its time. The derivation secret never rotates: the tokens that it gives are rotated one by one, by epoch.
public struct CredentialKeys: Sendable {
  /// One sealing key.
  public struct Key: Sendable {
    public var id: UInt8
    /// 32 bytes from the kernel.
    public var secret: [UInt8]
    /// Milliseconds since 1970.
    public var createdAtMs: UInt64

    public init(id: UInt8, secret: [UInt8], createdAtMs: UInt64) {
      precondition(secret.count == 32, "a sealing key has 32 bytes")
      self.id = id
      self.secret = secret
      self.createdAtMs = createdAtMs
    }
  }

  /// Newest first, at least one.
  public let ring: [Key]
  /// 32 bytes.
  public let derivation: [UInt8]
  let seals: [SealingState]

  public init(ring: [Key], derivation: [UInt8]) {
    precondition(!ring.isEmpty && derivation.count == 32, "a ring has at least one key, and a derivation secret")
    self.ring = ring
    self.derivation = derivation
    seals = ring.map { SealingState(id: $0.id, hmac: HMACSHA256(key: $0.secret)) }
  }

  /// Fresh random keys.
  public static func random(nowMs: UInt64) -> CredentialKeys {
    CredentialKeys(
      ring: [Key(id: 1, secret: SecureRandom.bytes(32), createdAtMs: nowMs)], derivation: SecureRandom.bytes(32))
  }

  /// With a new newest key; keys that were made before `forgetBeforeMs` are left out.
  public func rotated(nowMs: UInt64, forgetBeforeMs: UInt64) -> CredentialKeys {
    let taken = Set(ring.map(\.id))
    var id = ring[0].id &+ 1
    while taken.contains(id) || id == 0 { id &+= 1 }
    let kept = ring.filter { $0.createdAtMs >= forgetBeforeMs }.prefix(16)
    return CredentialKeys(
      ring: [Key(id: id, secret: SecureRandom.bytes(32), createdAtMs: nowMs)] + kept, derivation: derivation)
  }
}

/// A key with its hash state prepared.
struct SealingState: Sendable {
  let id: UInt8
  let hmac: HMACSHA256
}
