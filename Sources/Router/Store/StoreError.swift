internal import GRDB

/// Why the store can't be used; says what to do.
public struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

extension StoreError {
  /// What SQLite said, in words for whoever runs Porthole. Neither statements nor values are in it.
  init(_ error: DatabaseError, _ place: String) {
    let what =
      switch error.resultCode {
      case .SQLITE_FULL: "the disk is full: make room. What was acknowledged is safe"
      case .SQLITE_CORRUPT, .SQLITE_NOTADB:
        "it is damaged, or no store at all: put back a backup; or move it, its -wal and its -shm away to begin anew"
      case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
        "it can't be written: give the user that Porthole runs as the right to write the file and its folder"
      case .SQLITE_CANTOPEN:
        "it can't be opened: see that file and folder are there, and that the user that Porthole runs as may write both"
      case .SQLITE_BUSY, .SQLITE_LOCKED:
        "another program holds it locked, `sqlite3` perhaps: end that"
      case .SQLITE_IOERR: "the disk reports an error: look after it, and into the system's log"
      case .SQLITE_CONSTRAINT: "a row is there already, or what it belongs to is not"
      case .SQLITE_ABORT: "the transaction was ended by an error before"
      default: "SQLite failed"
      }
    self.init("\(place): \(what) (\(error.message ?? "SQLite: \(error.resultCode.rawValue)"))")
  }
}
