import GRDB
import Glibc
import Sandbox
import Testing

@testable import Store

/// The file: who may read it, who may have it, and what is said of one that can't be used.
@Suite struct FileTests {
  @Test func nobodyButTheOwnerMayReadTheFiles() async throws {
    let folder = TemporaryFolder()
    let store = try folder.open()
    _ = try store.loadKeys(nowMs: 1)
    try await store.write { try $0.insert(plainSandbox("demo")) }
    #expect(
      folder.names == [
        "porthole.db", "porthole.db-shm", "porthole.db-wal", "porthole.db.keys", "porthole.db.lock",
      ])
    for name in folder.names { #expect(folder.mode(name) == 0o600, "\(name)") }
  }

  @Test func aFileThatOthersMayReadIsTakenBack() async throws {
    let folder = TemporaryFolder()
    try await folder.open().write { try $0.insert(plainSandbox("demo")) }
    chmod(folder.store, 0o664)
    let store = try folder.open()
    try await store.write { try $0.insert(plainSandbox("demo2")) }
    for name in folder.names { #expect(folder.mode(name) == 0o600, "\(name)") }
  }

  @Test func commitsWaitForTheDisk() async throws {
    let folder = TemporaryFolder()
    let store = try folder.open()
    let settings = try await store.database.writeWithoutTransaction { database in
      try ["synchronous", "foreign_keys", "journal_mode"].map {
        try String.fetchOne(database, sql: "PRAGMA \($0)") ?? ""
      }
    }
    // 2 is FULL.
    #expect(settings == ["2", "1", "wal"])
  }

  @Test func aStoreIsOneProcessesAtATime() async throws {
    let folder = TemporaryFolder()
    var store: Store? = try folder.open()
    symlink(folder.store, folder.path + "/other-name.db")
    for name in [folder.store, folder.path + "/other-name.db"] {
      let error = #expect(throws: StoreError.self) { try Store(.file(path: name)) }
      let words = "another Porthole (process \(getpid())) uses this store: end that one"
      #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
    // The refused ones did no harm.
    try await store?.write { try $0.insert(plainSandbox("demo")) }
    store = nil
    #expect(try await folder.open().read { try $0.sandbox(SandboxID("demo")!) } != nil)
  }

  @Test func aSymbolicLinkLeadsToTheFile() async throws {
    let folder = TemporaryFolder()
    symlink("real.db", folder.store)
    try await folder.open().write { try $0.insert(plainSandbox("demo")) }
    #expect(folder.mode("real.db") == 0o600)
    let real = try Store(.file(path: folder.path + "/real.db"))
    #expect(try await real.read { try $0.sandbox(SandboxID("demo")!) } != nil)
  }

  @Test func aPathMayBeRelativeAndLeadThroughFolders() throws {
    let folder = TemporaryFolder()
    mkdir(folder.path + "/sub", 0o700)
    defer { rmdir(folder.path + "/sub") }
    _ = try Store(.file(path: folder.path + "/sub/../porthole.db")).loadKeys(nowMs: 1)
    #expect(folder.names.filter { $0.hasSuffix(".keys") } == ["porthole.db.keys"])
    let file = try StoreFile(folder.store)
    #expect(file.path == folder.store && file.keysPath == folder.store + ".keys")
  }

  @Test func aNewerSchemaIsRefused() async throws {
    let folder = TemporaryFolder()
    func set(_ version: Int) async throws {
      try await folder.open().database.writeWithoutTransaction {
        try $0.execute(sql: "PRAGMA user_version = \(version)")
      }
    }
    try await folder.open().write { try $0.insert(plainSandbox("demo")) }
    try await set(Schema.steps.count + 1)
    let error = #expect(throws: StoreError.self) { try folder.open() }
    #expect(error?.description.contains("written by a newer Porthole") == true, "\(error?.description ?? "")")
  }

  @Test func aStepIsTakenOnceAndWholly() throws {
    let folder = TemporaryFolder()
    let database = try DatabaseQueue(path: folder.store)
    func version() throws -> Int? { try database.read { try Int.fetchOne($0, sql: "PRAGMA user_version") } }
    let second = "CREATE TABLE second (id INTEGER PRIMARY KEY) STRICT"
    try database.writeWithoutTransaction { try Schema.migrate($0, steps: Schema.steps) }
    try database.writeWithoutTransaction { try Schema.migrate($0, steps: Schema.steps) }
    #expect(throws: (any Error).self) {
      try database.writeWithoutTransaction {
        try Schema.migrate($0, steps: Schema.steps + [second, "CREATE TABLE third (id INTEGER); this is no SQL"])
      }
    }
    #expect(try version() == Schema.steps.count + 1)
    #expect(try database.read { try !$0.tableExists("third") && $0.tableExists("second") })
  }

  /// Text of what is there, and what the error has to say.
  @Test(arguments: [
    (
      "this is no database, but it is long enough to be taken for a header of one, or so one hopes, being 100 bytes",
      "it is damaged, or no store at all: put back a backup"
    ),
    ("SQLite format 3\0" + String(repeating: "\u{7F}", count: 4_080), "it is damaged, or no store at all"),
  ])
  func whatIsNoStoreIsRefused(text: String, words: String) throws {
    let folder = TemporaryFolder()
    folder.write("porthole.db", text)
    let error = #expect(throws: StoreError.self) { try folder.open() }
    #expect(error?.description.hasPrefix(folder.store) == true)
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
  }

  @Test func anEmptyFileBecomesAStore() async throws {
    let folder = TemporaryFolder()
    folder.write("porthole.db", "")
    #expect(try await folder.open().read { try $0.lastSequence() } == 0)
    #expect(folder.mode("porthole.db") == 0o600)
  }

  @Test func anotherProgramsDatabaseIsRefused() throws {
    let folder = TemporaryFolder()
    try DatabaseQueue(path: folder.store).write { try $0.execute(sql: "CREATE TABLE theirs (id INTEGER)") }
    let before = folder.bytes("porthole.db")
    let error = #expect(throws: StoreError.self) { try folder.open() }
    #expect(error?.description.contains("a database of another program") == true, "\(error?.description ?? "")")
    #expect(folder.bytes("porthole.db") == before)
  }

  @Test func damageWithinIsToldWhenItIsRead() async throws {
    let folder = TemporaryFolder()
    try await folder.open().write { transaction in
      for number in 0..<2_000 { try transaction.insert(plainSandbox("s\(number)")) }
    }
    let file = fopen(folder.store, "r+")!
    fseek(file, 20 * 4_096, SEEK_SET)
    for _ in 0..<4_096 * 20 { fputc(0x55, file) }
    fclose(file)
    let store = try folder.open()
    let error = #expect(throws: StoreError.self) { try store.forEachSandbox(nowMs: 0) { _, _ in } }
    #expect(error?.description.contains("put back a backup") == true, "\(error?.description ?? "")")
  }

  /// A value that no Porthole writes, each in its column.
  @Test(arguments: [
    "UPDATE sandbox SET state = 'asleep'", "UPDATE sandbox SET address = '10.0.0.300'",
    "UPDATE sandbox SET tokenHash = x'00', epoch = 1", "UPDATE sandbox SET env = '3:ab,'",
    "UPDATE sandbox SET env = '1:a,'", "UPDATE sandbox SET allowPorts = '3000,65536'",
    "UPDATE exposure SET port = 65536", "UPDATE exposure SET host = 'elsewhere'",
    "UPDATE exposure SET allowIPs = '8:10.0.0/8,'", "UPDATE sandbox SET id = 'No-Id'",
  ])
  func aValueThatNoPortholeWritesIsAnErrorAndNoTrap(sql: String) async throws {
    let store = try Store(.memory)
    try await store.write { transaction in
      try transaction.insert(plainSandbox("demo"))
      if sql.contains("exposure") { try transaction.insert(plainExposure("demo", port: 3_000)) }
      try transaction.db.run(sql)
    }
    let error = #expect(throws: StoreError.self) { try store.forEachSandbox(nowMs: 0) { _, _ in } }
    #expect(error?.description.contains("can't read: it is damaged, or a newer Porthole wrote it") == true)
  }

  @Test(arguments: [
    ("/nowhere/at/all/porthole.db", "No such file or directory: make the folder"),
    ("/dev/null/porthole.db", "Not a directory: make the folder"),
    ("/tmp", "must be a file"), ("/dev/null", "must be a file"), ("", "No such file or directory"),
  ])
  func aPlaceWithoutAFileSaysWhatToDo(path: String, words: String) {
    let error = #expect(throws: StoreError.self) { try Store(.file(path: path)) }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
  }

  @Test(arguments: [
    (ResultCode.SQLITE_FULL, "make room"), (.SQLITE_CORRUPT, "put back a backup"),
    (.SQLITE_NOTADB, "put back a backup"),
    (.SQLITE_READONLY_DIRECTORY, "the right to write"), (.SQLITE_CANTOPEN, "may write both"),
    (.SQLITE_BUSY, "another program holds it"), (.SQLITE_IOERR_FSYNC, "look after it"),
    (.SQLITE_TOOBIG, "SQLite failed"),
  ])
  func whatSQLiteSaysIsPutIntoWordsThatHelp(code: ResultCode, words: String) {
    let error = DatabaseError(resultCode: code, message: "x", sql: "SELECT 1", arguments: ["secret"])
    let text = StoreError(error, "/var/porthole.db").description
    #expect(text.hasPrefix("/var/porthole.db: ") && text.contains(words), "\(text)")
    #expect(!text.contains("secret") && !text.contains("SELECT"), "\(text)")
  }

  /// Where this user, be it root, can't write.
  @Test func aFolderThatCannotBeWrittenSaysWhatToDo() {
    let error = #expect(throws: StoreError.self) { try Store(.file(path: "/proc/self/porthole.db")) }
    #expect(error?.description.contains("can't make the store") == true, "\(error?.description ?? "")")
    #expect(PrivateFile.failure("make the store", "/x", EACCES).description.contains("give the user"))
    #expect(PrivateFile.failure("make the store", "/x", ENOSPC).description.contains("the disk is full: make room"))
  }
}
