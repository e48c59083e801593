internal import GRDB
public import Sandbox

/// What can be done within one `Store.write` or `Store.read`. Lists come in pages: at most `limit` rows that sort after
/// `after`, which is the last row's key of the page before (nil for the first page).
public struct StoreTransaction {
  // Sandboxes
  public func insert(_ sandbox: StoredSandbox) throws { fatalError() }
  public func update(_ sandbox: StoredSandbox) throws { fatalError() }
  public func sandbox(_ id: SandboxID) throws -> StoredSandbox? { fatalError() }
  /// Living ones, oldest first (by creation time, then id).
  public func sandboxes(after: SandboxID?, limit: Int) throws -> [StoredSandbox] { fatalError() }
  /// Ended ones, newest end first.
  public func history(after: SandboxID?, limit: Int) throws -> [StoredSandbox] { fatalError() }

  // Exposures
  public func insert(_ exposure: StoredExposure) throws { fatalError() }
  public func update(_ exposure: StoredExposure) throws { fatalError() }
  public func exposure(_ sandbox: SandboxID, port: UInt16) throws -> StoredExposure? { fatalError() }
  /// Ascending by port; never more than 65,536.
  public func exposures(_ sandbox: SandboxID) throws -> [StoredExposure] { fatalError() }
  /// Its links go with it. False: there was none.
  public func removeExposure(_ sandbox: SandboxID, port: UInt16) throws -> Bool { fatalError() }
  /// Those with an end, soonest first.
  public func expiringExposures() throws -> [(sandbox: SandboxID, port: UInt16, expiresAtMs: UInt64)] { fatalError() }

  // Links
  public func insert(_ link: StoredLink) throws { fatalError() }
  public func update(_ link: StoredLink) throws { fatalError() }
  public func link(_ id: UInt64) throws -> StoredLink? { fatalError() }
  /// Oldest first.
  public func links(_ sandbox: SandboxID, port: UInt16) throws -> [StoredLink] { fatalError() }
  public func removeLink(_ id: UInt64) throws -> Bool { fatalError() }

  // Snapshots
  public func insert(_ snapshot: StoredSnapshot) throws { fatalError() }
  public func snapshot(_ id: SandboxID) throws -> StoredSnapshot? { fatalError() }
  /// Oldest first.
  public func snapshots(after: SandboxID?, limit: Int) throws -> [StoredSnapshot] { fatalError() }
  public func removeSnapshot(_ id: SandboxID) throws -> Bool { fatalError() }

  // API keys
  public func insert(_ key: StoredAPIKey) throws { fatalError() }
  public func update(_ key: StoredAPIKey) throws { fatalError() }
  /// All of them, revoked ones as well, oldest first.
  public func apiKeys() throws -> [StoredAPIKey] { fatalError() }

  // Events
  /// Returns the sequence that it was given.
  @discardableResult
  public func append(_ event: StoredEvent) throws -> Int64 { fatalError() }
  /// Ascending, those after the sequence.
  public func events(after sequence: Int64, limit: Int) throws -> [StoredEvent] { fatalError() }
  /// The newest sequence there ever was; 0 for none.
  public func lastSequence() throws -> Int64 { fatalError() }
  /// Forgets all but the newest `keep`.
  public func trimEvents(keep: Int) throws { fatalError() }

  // Idempotency
  public func answer(_ key: String) throws -> StoredAnswer? { fatalError() }
  public func insert(_ answer: StoredAnswer) throws { fatalError() }
  public func forgetAnswers(before ms: UInt64) throws { fatalError() }
}
