public import Auth
internal import GRDB
public import Sandbox

/// What must survive the process: one SQLite file in WAL mode.
///
/// Writing is by one connection and in groups: transactions that wait while another is being made durable are committed
/// together with one fsync. Each still succeeds or fails for itself. When `write` returns, what it wrote is on disk.
public final class Store: Sendable {
  public enum Location: Hashable, Sendable {
    case memory
    case file(path: String)
  }

  /// Closes its connections when it goes, on whichever thread that is: `close` must not be called on the writer's own.
  let database: any DatabaseWriter
  let commits: CommitQueue
  /// For messages.
  private let place: String
  /// Nil for `.memory`.
  private let keysPath: String?
  /// The keys of `.memory`. For a file it only keeps two from writing the keys at once.
  private let keys = Guarded<CredentialKeys?>(nil)
  /// Held for as long as the store is.
  private let file: StoreFile?

  /// Opens, or makes, the file with rights for its owner alone, and brings its schema up to date. A schema from a newer
  /// Porthole is refused.
  public init(_ location: Location) throws(StoreError) {
    switch location {
    case .memory:
      place = ":memory:"
      keysPath = nil
      file = nil
    case .file(let path):
      place = path
      let file = try StoreFile(path)
      keysPath = file.keysPath
      self.file = file
    }
    database = try Store.open(file?.path, place)
    commits = CommitQueue(database)
  }

  private static func open(_ path: String?, _ place: String) throws(StoreError) -> any DatabaseWriter {
    var configuration = GRDB.Configuration()
    configuration.label = "store"
    configuration.foreignKeysEnabled = true
    // Nobody else writes, but for whoever looks at the file with `sqlite3`.
    configuration.busyMode = .timeout(5)
    configuration.maximumReaderCount = 4
    configuration.prepareDatabase { database in
      // Before anything is changed.
      try Schema.version(database)
      // What SQLite sorts stays out of /tmp.
      try database.execute(sql: "PRAGMA temp_store = MEMORY")
    }
    return try Store.explained(place) { () throws -> any DatabaseWriter in
      let database: any DatabaseWriter =
        if let path {
          try DatabasePool(path: path, configuration: configuration)
        } else {
          try DatabaseQueue(configuration: configuration)
        }
      try database.writeWithoutTransaction { database in
        // GRDB turns this down for WAL, which keeps a file whole after a power cut but forgets the last transactions.
        try database.execute(sql: "PRAGMA synchronous = FULL")
        // The `-wal` grows with the largest group, and with readers that stay; afterwards it shrinks to this.
        try database.execute(sql: "PRAGMA journal_size_limit = 67108864")
        try Schema.migrate(database)
      }
      return database
    }
  }

  /// The keys beside the store (`<path>.keys`, mode 0600), made at the first start; random ones for `.memory`.
  public func loadKeys(nowMs: UInt64) throws(StoreError) -> CredentialKeys {
    try keys.withLock { (held) throws(StoreError) in
      if let keysPath {
        if let keys = try KeysFile.read(keysPath) { return keys }
        let fresh = CredentialKeys.random(nowMs: nowMs)
        try KeysFile.write(fresh, keysPath)
        return fresh
      }
      let keys = held ?? CredentialKeys.random(nowMs: nowMs)
      held = keys
      return keys
    }
  }

  /// Durable when it returns.
  public func save(_ keys: CredentialKeys) throws(StoreError) {
    try self.keys.withLock { (held) throws(StoreError) in
      if let keysPath { try KeysFile.write(keys, keysPath) } else { held = keys }
    }
  }

  /// Runs `body` in a transaction, and returns when it is durable. Throws what `body` throws, and then nothing is changed.
  ///
  /// `body` runs once, in the order of the calls. Cancelling the task does not stop it.
  public func write<T: Sendable>(_ body: @escaping @Sendable (StoreTransaction) throws -> T) async throws -> T {
    do {
      return try await commits.write { try body(StoreTransaction(db: $0)) }
    } catch let error as DatabaseError {
      throw StoreError(error, place)
    }
  }

  /// Reads a consistent state, beside a writer.
  public func read<T: Sendable>(_ body: @escaping @Sendable (StoreTransaction) throws -> T) async throws -> T {
    do {
      return try await database.read { try body(StoreTransaction(db: $0)) }
    } catch let error as DatabaseError {
      throw StoreError(error, place)
    }
  }

  /// Lends every sandbox with its exposures and the links that are still good, in the order of ids, ended ones as well
  /// (with no exposures). For the start: made for millions of rows.
  public func forEachSandbox(
    nowMs: UInt64, _ body: (StoredSandbox, [Exposure]) throws -> Void
  ) throws {
    do {
      try database.read { database in
        var scan = try SandboxScan(database, nowMs: nowMs)
        try scan.forEach(body)
      }
    } catch let error as DatabaseError {
      throw StoreError(error, place)
    }
  }

  private static func explained<T>(_ place: String, _ body: () throws -> T) throws(StoreError) -> T {
    do {
      return try body()
    } catch let error as DatabaseError {
      throw StoreError(error, place)
    } catch let error as StoreError {
      throw StoreError("\(place): \(error.description)")
    } catch {
      throw StoreError("\(place): can't be opened: \(error)")
    }
  }
}
