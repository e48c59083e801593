import GRDB
import Glibc
import Sandbox
import Testing

@testable import Store

/// What a child does; see `ChildProcess`. It goes on until it is killed, or whoever started it is gone.
@Suite(.enabled(if: getenv(ChildProcess.pathVariable) != nil)) struct ChildTests {
  static let writers = 8

  private let path = getenv(ChildProcess.pathVariable).map { String(cString: $0) } ?? ""
  private let parent = getppid()

  @Test func holdsTheStore() async throws {
    let store = try Store(.file(path: path))
    ChildProcess.tell("ready")
    while getppid() == parent { usleep(20_000) }
    _ = try await store.read { try $0.lastSequence() }
  }

  /// Tells what was acknowledged, after it was.
  @Test func writes() async throws {
    ChildProcess.tell("opening")
    let store = try Store(.file(path: path))
    _ = try store.loadKeys(nowMs: 1)
    await withThrowingTaskGroup(of: Void.self) { tasks in
      for writer in 0..<ChildTests.writers { tasks.addTask { try await write(store, writer) } }
    }
  }

  private func write(_ store: Store, _ writer: Int) async throws {
    var random = Seeded(UInt64.random(in: .min ... .max))
    var counter = plainSandbox("counter\(writer)")
    if let found = try await store.read({ [counter] in try $0.sandbox(counter.id) }) {
      counter = found
    } else {
      try await store.write { [counter] in try $0.insert(counter) }
    }
    while getppid() == parent {
      let id = random.id().text
      let link = random.next()
      try await store.write { transaction in
        try transaction.insert(plainSandbox(id))
        try transaction.insert(plainExposure(id, port: 3_000))
        try transaction.insert(plainLink(link, id, port: 3_000))
        try transaction.append(StoredEvent(atMs: 1, type: "exposed", sandbox: SandboxID(id)))
      }
      ChildProcess.tell("new \(id)")
      counter.ranMs += 1
      try await store.write { [counter] in try $0.update(counter) }
      ChildProcess.tell("count \(writer) \(counter.ranMs)")
    }
  }
}

/// `kill -9` at any moment loses nothing that was acknowledged, and leaves nothing half done.
@Suite struct CrashTests {
  /// STORE_KILLS=1000 tries longer.
  static let kills = getenv("STORE_KILLS").flatMap { Int(String(cString: $0)) } ?? 40
  static let seed = UInt64.random(in: .min ... .max)

  @Test(.timeLimit(.minutes(30))) func whatWasAcknowledgedSurvivesAKill() async throws {
    var random = Seeded(CrashTests.seed)
    let folder = TemporaryFolder()
    var known = Acknowledged()
    for kill in 0..<CrashTests.kills {
      // Now and then while a new store is being made.
      let isNew = kill % 5 == 4
      let place = isNew ? TemporaryFolder() : folder
      if isNew {
        var fresh = Acknowledged()
        try run(&fresh, place, words: 1, microseconds: UInt32(random.below(12_000)))
        try await fresh.verify(place, "seed \(CrashTests.seed), kill \(kill)")
      } else {
        try run(&known, place, words: 1 + random.below(200), microseconds: UInt32(random.below(2_000)))
        try await known.verify(place, "seed \(CrashTests.seed), kill \(kill)")
      }
    }
    #expect(!known.ids.isEmpty)
  }

  /// Kills the child some time after so many words. The pause is not to wait for something, but to choose a moment.
  private func run(_ known: inout Acknowledged, _ folder: TemporaryFolder, words: Int, microseconds: UInt32) throws {
    let child = try #require(ChildProcess("writes", store: folder.store))
    for _ in 0..<words { known.add(try #require(child.next(), "the child ended by itself: \(child.chatter)")) }
    usleep(microseconds)
    child.kill()
    while let word = child.next() { known.add(word) }
  }

  @Test func anotherProcessIsRefusedUntilTheFirstIsGone() async throws {
    let folder = TemporaryFolder()
    let child = try #require(ChildProcess("holdsTheStore", store: folder.store))
    #expect(child.next() == "ready", "\(child.chatter)")
    let error = #expect(throws: StoreError.self) { try folder.open() }
    #expect(
      error?.description.contains("another Porthole (process \(child.process)) uses this store") == true,
      "\(error?.description ?? "")")
    child.kill()
    #expect(try await folder.open().read { try $0.lastSequence() } == 0)
  }
}

/// What a child told.
private struct Acknowledged {
  var ids: Set<String> = []
  var counts: [Int: UInt64] = [:]

  mutating func add(_ word: String) {
    let parts = word.split(separator: " ")
    switch parts.first {
    case "new": ids.insert(String(parts[1]))
    case "count": counts[Int(parts[1])!] = UInt64(parts[2])!
    default: break
    }
  }

  /// Takes over what was done and not told any more, since the next child goes on from there.
  mutating func verify(_ folder: TemporaryFolder, _ hint: String) async throws {
    let store = try folder.open()
    var found: Set<String> = []
    var counts: [Int: UInt64] = [:]
    try store.forEachSandbox(nowMs: 0) { sandbox, exposures in
      if let writer = Int(sandbox.id.text.dropFirst("counter".count)), sandbox.id.text.hasPrefix("counter") {
        counts[writer] = sandbox.ranMs
      } else {
        found.insert(sandbox.id.text)
        #expect(exposures.map(\.port) == [3_000] && exposures.first?.links.count == 1, "half a transaction, \(hint)")
      }
    }
    let lost = ids.subtracting(found)
    #expect(lost.isEmpty, "\(lost.count) of \(ids.count) are lost, \(hint)")
    #expect(found.count <= ids.count + ChildTests.writers, "\(hint)")
    for (writer, count) in self.counts {
      // One more may have been on its way.
      #expect((count...count + 1).contains(counts[writer] ?? 0), "writer \(writer) at \(count), \(hint)")
    }
    let events = try await store.read { try $0.events(after: 0, limit: .max).compactMap(\.sandbox?.text) }
    #expect(events.count == found.count && Set(events) == found, "\(hint)")
    let checks = try await store.database.read { database in
      try ["integrity_check", "foreign_key_check"].flatMap { try String.fetchAll(database, sql: "PRAGMA \($0)") }
    }
    #expect(checks == ["ok"], "\(hint)")
    _ = try store.loadKeys(nowMs: 2)
    ids = found
    self.counts = counts
  }
}
