public import Sandbox

/// A saved sandbox.
public struct StoredSnapshot: Hashable, Sendable {
  public var id: SandboxID
  /// The sandbox that it was made of, which may be gone.
  public var sandbox: SandboxID
  public var info: SnapshotInfo
  public var createdAtMs: UInt64

  public init(id: SandboxID, sandbox: SandboxID, info: SnapshotInfo, createdAtMs: UInt64) {
    self.id = id
    self.sandbox = sandbox
    self.info = info
    self.createdAtMs = createdAtMs
  }
}

/// A key for the control API; its text is nowhere.
public struct StoredAPIKey: Hashable, Sendable {
  /// `key…`, shown in lists.
  public var id: String
  public var name: String
  /// SHA-256 of the key's text.
  public var hash: [UInt8]
  public var createdAtMs: UInt64
  public var lastUsedAtMs: UInt64?
  public var revokedAtMs: UInt64?

  public init(
    id: String, name: String, hash: [UInt8], createdAtMs: UInt64, lastUsedAtMs: UInt64? = nil,
    revokedAtMs: UInt64? = nil
  ) {
    self.id = id
    self.name = name
    self.hash = hash
    self.createdAtMs = createdAtMs
    self.lastUsedAtMs = lastUsedAtMs
    self.revokedAtMs = revokedAtMs
  }
}

/// Something that happened, for the feed. `sequence` is given by the store: it grows, and no two are equal.
public struct StoredEvent: Hashable, Sendable {
  public var sequence: Int64
  public var atMs: UInt64
  /// `exposed`, `closed`, `paused`, …
  public var type: String
  public var sandbox: SandboxID?
  public var port: UInt16?
  /// More of it, as the text of a JSON object; `{}` where there is no more. Never a secret.
  public var details: String

  public init(
    sequence: Int64 = 0, atMs: UInt64, type: String, sandbox: SandboxID? = nil, port: UInt16? = nil,
    details: String = "{}"
  ) {
    self.sequence = sequence
    self.atMs = atMs
    self.type = type
    self.sandbox = sandbox
    self.port = port
    self.details = details
  }
}

/// What was answered to a request with an `Idempotency-Key`, so that its repetition is answered alike.
public struct StoredAnswer: Hashable, Sendable {
  /// The client's word, together with whose it is: `<API key id or sandbox id>:<Idempotency-Key>`.
  public var key: String
  /// SHA-256 of method, path and body: the same key for something else is a mistake of the client.
  public var fingerprint: [UInt8]
  public var status: Int
  /// The answer's body without secrets.
  public var body: [UInt8]
  /// What the secrets of the answer are derived from when it is given again: the sandbox it speaks of.
  public var sandbox: SandboxID?
  public var createdAtMs: UInt64

  public init(
    key: String, fingerprint: [UInt8], status: Int, body: [UInt8], sandbox: SandboxID? = nil, createdAtMs: UInt64
  ) {
    self.key = key
    self.fingerprint = fingerprint
    self.status = status
    self.body = body
    self.sandbox = sandbox
    self.createdAtMs = createdAtMs
  }
}
