internal import GRDB
public import Sandbox

extension StoreTransaction {
  public func insert(_ sandbox: StoredSandbox) throws {
    try db.run(SandboxRow.insert, [.text(sandbox.id.text), .amount(sandbox.createdAtMs)] + SandboxRow.values(sandbox))
  }

  /// All of it but `createdAtMs`, which does not change.
  public func update(_ sandbox: StoredSandbox) throws {
    try changeOne("sandbox", SandboxRow.update, SandboxRow.values(sandbox) + [.text(sandbox.id.text)])
  }

  public func sandbox(_ id: SandboxID) throws -> StoredSandbox? {
    try db.row("SELECT \(SandboxRow.columns) FROM sandbox WHERE id = ?", [.text(id.text)], SandboxRow.decode)
  }

  /// Living ones, oldest first (by creation time, then id).
  public func sandboxes(after: SandboxID?, limit: Int) throws -> [StoredSandbox] {
    var place: [Value] = [.int(-1), .text("")]
    if let after {
      let created = try db.row("SELECT createdAtMs FROM sandbox WHERE id = ?", [.text(after.text)]) { $0.int(0) }
      guard let created else { return [] }
      place = [.int(created), .text(after.text)]
    }
    return try db.rows(SandboxRow.living, place + [.count(max(0, limit))], SandboxRow.decode)
  }

  /// Ended ones, newest end first.
  public func history(after: SandboxID?, limit: Int) throws -> [StoredSandbox] {
    // No id sorts behind a brace.
    var place: [Value] = [.int(.max), .text("{")]
    if let after {
      let ended = try db.row(
        "SELECT endedAtMs FROM sandbox WHERE id = ? AND endedAtMs IS NOT NULL", [.text(after.text)]
      ) { $0.int(0) }
      guard let ended else { return [] }
      place = [.int(ended), .text(after.text)]
    }
    return try db.rows(SandboxRow.ended, place + [.count(max(0, limit))], SandboxRow.decode)
  }
}

// Snapshots
extension StoreTransaction {
  public func insert(_ snapshot: StoredSnapshot) throws {
    let spec = snapshot.info.spec
    try db.run(
      """
      INSERT INTO snapshot (id, sandbox, sizeBytes, image, vcpus, memMiB, diskMiB, networkProfile, env, createdAtMs)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [.text(snapshot.id.text), .text(snapshot.sandbox.text), .amount(snapshot.info.sizeBytes)]
        + SpecColumns.values(spec) + [.amount(snapshot.createdAtMs)])
  }

  public func snapshot(_ id: SandboxID) throws -> StoredSnapshot? {
    try db.row(
      "SELECT \(SnapshotRow.columns) FROM snapshot WHERE id = ? AND isRemoved = 0", [.text(id.text)],
      SnapshotRow.decode)
  }

  /// Oldest first.
  public func snapshots(after: SandboxID?, limit: Int) throws -> [StoredSnapshot] {
    var place: [Value] = [.int(-1), .text("")]
    if let after {
      let created = try db.row("SELECT createdAtMs FROM snapshot WHERE id = ?", [.text(after.text)]) { $0.int(0) }
      guard let created else { return [] }
      place = [.int(created), .text(after.text)]
    }
    return try db.rows(SnapshotRow.kept, place + [.count(max(0, limit))], SnapshotRow.decode)
  }

  /// Its id is not used again.
  public func removeSnapshot(_ id: SandboxID) throws -> Bool {
    try db.run(
      """
      UPDATE snapshot SET isRemoved = 1, sandbox = '', sizeBytes = 0, image = '', networkProfile = NULL, env = NULL
      WHERE id = ? AND isRemoved = 0
      """, [.text(id.text)]) == 1
  }
}

enum SnapshotRow {
  static let columns = "id, sandbox, sizeBytes, image, vcpus, memMiB, diskMiB, networkProfile, env, createdAtMs"

  static let kept = """
    SELECT \(columns) FROM snapshot WHERE isRemoved = 0 AND (createdAtMs, id) > (?, ?) ORDER BY createdAtMs, id LIMIT ?
    """

  static func decode(_ row: Columns) throws -> StoredSnapshot {
    StoredSnapshot(
      id: try row.id(0), sandbox: try row.id(1),
      info: SnapshotInfo(sizeBytes: row.amount(2), spec: try SpecColumns.decode(row, from: 3)),
      createdAtMs: row.amount(9))
  }
}
