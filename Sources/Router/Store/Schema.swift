internal import GRDB

/// The tables, as a list of steps: a file's `user_version` says how many of them it has seen. A step that was released
/// is never changed; what changes is added behind it.
///
/// Numbers that use all 64 bits (nonce, epoch, link id) are kept bit by bit as signed integers. Times and sizes are kept
/// by value, and end at 2^63 - 1, so that they can be compared. Words are those of the API. Lists are strings as
/// `StringList` writes them.
enum Schema {
  /// In the file's header: this is a store of Porthole and no other program's database. "Port".
  static let applicationID: Int32 = 0x506F_7274

  static let steps: [String] = [
    // `sandbox`, `exposure` and `link` lie in the order in which the start reads them. A link is found by its exposure,
    // and rarely by its id.
    """
    CREATE TABLE sandbox (
      id TEXT NOT NULL PRIMARY KEY,
      name TEXT,
      state TEXT NOT NULL,
      image TEXT NOT NULL,
      vcpus INTEGER NOT NULL,
      memMiB INTEGER NOT NULL,
      diskMiB INTEGER NOT NULL,
      networkProfile TEXT,
      env TEXT,
      ingress TEXT NOT NULL,
      ingressWake INTEGER NOT NULL,
      allowPorts TEXT,
      tokenHash BLOB,
      epoch INTEGER,
      timeoutSec INTEGER,
      onIdle TEXT NOT NULL,
      address TEXT,
      createMs INTEGER NOT NULL,
      createdAtMs INTEGER NOT NULL,
      runningSinceMs INTEGER,
      ranMs INTEGER NOT NULL,
      endedAtMs INTEGER,
      cpuMs INTEGER NOT NULL,
      memPeakBytes INTEGER NOT NULL,
      uptimeMs INTEGER,
      reason TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sandboxLiving ON sandbox (createdAtMs, id) WHERE endedAtMs IS NULL;
    CREATE INDEX sandboxEnded ON sandbox (endedAtMs, id) WHERE endedAtMs IS NOT NULL;

    CREATE TABLE exposure (
      sandbox TEXT NOT NULL REFERENCES sandbox (id),
      port INTEGER NOT NULL,
      name TEXT,
      host TEXT,
      upstream TEXT NOT NULL,
      auth TEXT NOT NULL,
      allowIPs TEXT,
      embedOrigins TEXT,
      wake INTEGER NOT NULL,
      keepAlive INTEGER NOT NULL,
      expiresAtMs INTEGER,
      nonce INTEGER NOT NULL,
      createdAtMs INTEGER NOT NULL,
      firstRequestAtMs INTEGER,
      PRIMARY KEY (sandbox, port)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX exposureEnding ON exposure (expiresAtMs) WHERE expiresAtMs IS NOT NULL;

    CREATE TABLE link (
      sandbox TEXT NOT NULL,
      port INTEGER NOT NULL,
      createdAtMs INTEGER NOT NULL,
      id INTEGER NOT NULL UNIQUE,
      once INTEGER NOT NULL,
      expiresAtMs INTEGER NOT NULL,
      pathPrefix TEXT,
      methods TEXT,
      allowIPs TEXT,
      name TEXT,
      lastUsedAtMs INTEGER,
      redeemedAtMs INTEGER,
      PRIMARY KEY (sandbox, port, createdAtMs, id),
      FOREIGN KEY (sandbox, port) REFERENCES exposure (sandbox, port) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;

    -- The row of a snapshot that was removed stays, empty: a page that begins after it still finds its place, and its id
    -- is not used again.
    CREATE TABLE snapshot (
      id TEXT NOT NULL PRIMARY KEY,
      isRemoved INTEGER NOT NULL DEFAULT 0,
      sandbox TEXT NOT NULL,
      sizeBytes INTEGER NOT NULL,
      image TEXT NOT NULL,
      vcpus INTEGER NOT NULL,
      memMiB INTEGER NOT NULL,
      diskMiB INTEGER NOT NULL,
      networkProfile TEXT,
      env TEXT,
      createdAtMs INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX snapshotKept ON snapshot (createdAtMs, id) WHERE isRemoved = 0;

    CREATE TABLE apiKey (
      id TEXT NOT NULL PRIMARY KEY,
      name TEXT NOT NULL,
      hash BLOB NOT NULL,
      createdAtMs INTEGER NOT NULL,
      lastUsedAtMs INTEGER,
      revokedAtMs INTEGER
    ) STRICT, WITHOUT ROWID;

    -- AUTOINCREMENT: the numbers of events that were forgotten are not given again.
    CREATE TABLE event (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      atMs INTEGER NOT NULL,
      type TEXT NOT NULL,
      sandbox TEXT,
      port INTEGER,
      details TEXT NOT NULL
    ) STRICT;

    CREATE TABLE answer (
      key TEXT NOT NULL PRIMARY KEY,
      fingerprint BLOB NOT NULL,
      status INTEGER NOT NULL,
      body BLOB NOT NULL,
      sandbox TEXT,
      createdAtMs INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX answerAge ON answer (createdAtMs);
    """
  ]

  /// How many steps a file has seen. Throws for one that is not ours, or comes from a newer Porthole; it is not touched.
  @discardableResult
  static func version(_ db: Database, steps: [String] = steps) throws -> Int {
    let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    let owner = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
    let isEmpty = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0
    guard owner == applicationID || (isEmpty && owner == 0 && version == 0) else {
      throw StoreError("this is a database of another program: name another file under `store`")
    }
    guard (0...steps.count).contains(version) else {
      throw StoreError(
        "it was written by a newer Porthole (schema \(version), this one knows \(steps.count)): "
          + "start that version again, or put back the file from before the upgrade")
    }
    return version
  }

  /// Brings a file up to `steps`. Each step is there with its number, or not at all.
  static func migrate(_ db: Database, steps: [String] = steps) throws {
    for number in try version(db, steps: steps)..<steps.count {
      try db.inTransaction(.immediate) {
        try db.execute(sql: steps[number])
        try db.execute(sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(number + 1)")
        return .commit
      }
    }
  }
}
