internal import GRDB
internal import Sandbox

/// What can be done within one `Store.write` or `Store.read`. Lists come in pages: at most `limit` rows that sort after
/// `after`, which is the last row's key of the page before (nil for the first page). A row that has left its list since,
/// because it ended or was removed, still says where the next page begins; after one that never was there is nothing.
///
/// Inserting what is there already, and updating what is not there, throws. Valid until the body returns.
public struct StoreTransaction {
  let db: Database

  /// Throws unless exactly one row was there to be changed.
  func changeOne(_ what: String, _ sql: String, _ values: [Value]) throws {
    guard try db.run(sql, values) == 1 else { throw StoreError("there is no such \(what) in the store") }
  }
}

// Events
extension StoreTransaction {
  /// Returns the sequence that it was given.
  @discardableResult
  public func append(_ event: StoredEvent) throws -> Int64 {
    try db.run(
      "INSERT INTO event (atMs, type, sandbox, port, details) VALUES (?, ?, ?, ?, ?)",
      [
        .amount(event.atMs), .text(event.type), .text(event.sandbox?.text), event.port.map { .int(Int64($0)) } ?? .null,
        .text(event.details),
      ])
    return db.lastInsertedRowID
  }

  /// Ascending, those after the sequence.
  public func events(after sequence: Int64, limit: Int) throws -> [StoredEvent] {
    try db.rows(
      "SELECT sequence, atMs, type, sandbox, port, details FROM event WHERE sequence > ? ORDER BY sequence LIMIT ?",
      [.int(sequence), .count(max(0, limit))]
    ) { row in
      StoredEvent(
        sequence: row.int(0), atMs: row.amount(1), type: row.text(2), sandbox: row.isNull(3) ? nil : try row.id(3),
        port: row.isNull(4) ? nil : try row.port(4), details: row.text(5))
    }
  }

  /// The newest sequence there ever was; 0 for none.
  public func lastSequence() throws -> Int64 {
    try db.row("SELECT seq FROM sqlite_sequence WHERE name = 'event'") { $0.int(0) } ?? 0
  }

  /// Forgets all but the newest `keep`.
  public func trimEvents(keep: Int) throws {
    try db.run(
      "DELETE FROM event WHERE sequence <= (SELECT sequence FROM event ORDER BY sequence DESC LIMIT 1 OFFSET ?)",
      [.count(max(0, keep))])
  }
}

// API keys
extension StoreTransaction {
  public func insert(_ key: StoredAPIKey) throws {
    try db.run(
      "INSERT INTO apiKey (id, name, hash, createdAtMs, lastUsedAtMs, revokedAtMs) VALUES (?, ?, ?, ?, ?, ?)",
      [
        .text(key.id), .text(key.name), .bytes(key.hash), .amount(key.createdAtMs), .amount(key.lastUsedAtMs),
        .amount(key.revokedAtMs),
      ])
  }

  public func update(_ key: StoredAPIKey) throws {
    try changeOne(
      "API key",
      "UPDATE apiKey SET name = ?, hash = ?, createdAtMs = ?, lastUsedAtMs = ?, revokedAtMs = ? WHERE id = ?",
      [
        .text(key.name), .bytes(key.hash), .amount(key.createdAtMs), .amount(key.lastUsedAtMs),
        .amount(key.revokedAtMs), .text(key.id),
      ])
  }

  /// All of them, revoked ones as well, oldest first.
  public func apiKeys() throws -> [StoredAPIKey] {
    try db.rows(
      "SELECT id, name, hash, createdAtMs, lastUsedAtMs, revokedAtMs FROM apiKey ORDER BY createdAtMs, id"
    ) { row in
      StoredAPIKey(
        id: row.text(0), name: row.text(1), hash: row.bytes(2), createdAtMs: row.amount(3),
        lastUsedAtMs: row.amountOrNil(4), revokedAtMs: row.amountOrNil(5))
    }
  }
}

// Idempotency
extension StoreTransaction {
  public func answer(_ key: String) throws -> StoredAnswer? {
    try db.row(
      "SELECT key, fingerprint, status, body, sandbox, createdAtMs FROM answer WHERE key = ?", [.text(key)]
    ) { row in
      StoredAnswer(
        key: row.text(0), fingerprint: row.bytes(1), status: Int(row.int(2)), body: row.bytes(3),
        sandbox: row.isNull(4) ? nil : try row.id(4), createdAtMs: row.amount(5))
    }
  }

  public func insert(_ answer: StoredAnswer) throws {
    try db.run(
      "INSERT INTO answer (key, fingerprint, status, body, sandbox, createdAtMs) VALUES (?, ?, ?, ?, ?, ?)",
      [
        .text(answer.key), .bytes(answer.fingerprint), .count(answer.status), .bytes(answer.body),
        .text(answer.sandbox?.text), .amount(answer.createdAtMs),
      ])
  }

  public func forgetAnswers(before ms: UInt64) throws {
    try db.run("DELETE FROM answer WHERE createdAtMs < ?", [.amount(ms)])
  }
}
