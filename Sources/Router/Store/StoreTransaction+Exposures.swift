internal import GRDB
public import Sandbox

extension StoreTransaction {
  public func insert(_ exposure: StoredExposure) throws {
    try db.run(
      ExposureRow.insert,
      [.text(exposure.sandbox.text), .int(Int64(exposure.exposure.port)), .amount(exposure.createdAtMs)]
        + ExposureRow.values(exposure))
  }

  /// All of it but `createdAtMs`, which does not change. Its links stay.
  public func update(_ exposure: StoredExposure) throws {
    try changeOne(
      "exposure", ExposureRow.update,
      ExposureRow.values(exposure) + [.text(exposure.sandbox.text), .int(Int64(exposure.exposure.port))])
  }

  public func exposure(_ sandbox: SandboxID, port: UInt16) throws -> StoredExposure? {
    try db.row(
      "SELECT \(ExposureRow.columns) FROM exposure WHERE sandbox = ? AND port = ?",
      [.text(sandbox.text), .int(Int64(port))], ExposureRow.decode)
  }

  /// Ascending by port; never more than 65,536.
  public func exposures(_ sandbox: SandboxID) throws -> [StoredExposure] {
    try db.rows(
      "SELECT \(ExposureRow.columns) FROM exposure WHERE sandbox = ? ORDER BY port", [.text(sandbox.text)],
      ExposureRow.decode)
  }

  /// Its links go with it. False: there was none.
  public func removeExposure(_ sandbox: SandboxID, port: UInt16) throws -> Bool {
    // The links that go with it would be counted as well.
    guard try exposure(sandbox, port: port) != nil else { return false }
    try db.run("DELETE FROM exposure WHERE sandbox = ? AND port = ?", [.text(sandbox.text), .int(Int64(port))])
    return true
  }

  /// Those with an end, soonest first.
  public func expiringExposures() throws -> [(sandbox: SandboxID, port: UInt16, expiresAtMs: UInt64)] {
    try db.rows(ExposureRow.ending) { (sandbox: try $0.id(0), port: try $0.port(1), expiresAtMs: $0.amount(2)) }
  }
}

// Links
extension StoreTransaction {
  public func insert(_ link: StoredLink) throws {
    try db.run(
      LinkRow.insert,
      [.text(link.sandbox.text), .int(Int64(link.port)), .amount(link.createdAtMs), .word(link.link.id)]
        + LinkRow.values(link))
  }

  /// All of it but the exposure that it belongs to and `createdAtMs`, which do not change.
  public func update(_ link: StoredLink) throws {
    try changeOne("link", LinkRow.update, LinkRow.values(link) + [.word(link.link.id)])
  }

  public func link(_ id: UInt64) throws -> StoredLink? {
    try db.row("SELECT \(LinkRow.columns) FROM link WHERE id = ?", [.word(id)], LinkRow.decode)
  }

  /// Oldest first.
  public func links(_ sandbox: SandboxID, port: UInt16) throws -> [StoredLink] {
    try db.rows(
      "SELECT \(LinkRow.columns) FROM link WHERE sandbox = ? AND port = ? ORDER BY createdAtMs, id",
      [.text(sandbox.text), .int(Int64(port))], LinkRow.decode)
  }

  public func removeLink(_ id: UInt64) throws -> Bool {
    try db.run("DELETE FROM link WHERE id = ?", [.word(id)]) == 1
  }
}
