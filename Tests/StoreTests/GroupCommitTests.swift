import Dispatch
import GRDB
import Sandbox
import Synchronization
import Testing

@testable import Store

/// Transactions that are made durable together succeed and fail each for itself.
@Suite struct GroupCommitTests {
  private struct Refused: Error {}

  /// Runs `bodies` as one group: they are queued in their order, while another one holds up the writer.
  private func group<T: Sendable>(
    _ store: Store, _ bodies: [@Sendable (StoreTransaction) throws -> T]
  ) async -> [Result<T, any Error>] {
    let gate = DispatchSemaphore(value: 0)
    let held = Counter()
    return await withTaskGroup(of: (Int, Result<T, any Error>)?.self) { tasks in
      tasks.addTask {
        try? await store.write { _ in
          held.count.store(1, ordering: .releasing)
          gate.wait()
        }
        return nil
      }
      while held.count.load(ordering: .acquiring) == 0 { await Task.yield() }
      for (index, body) in bodies.enumerated() {
        tasks.addTask {
          do { return (index, .success(try await store.write(body))) } catch { return (index, .failure(error)) }
        }
        while store.commits.depth <= index { await Task.yield() }
      }
      gate.signal()
      var results: [Int: Result<T, any Error>] = [:]
      for await case let (index, result)? in tasks { results[index] = result }
      return bodies.indices.map { results[$0]! }
    }
  }

  private func ids(_ store: Store) async throws -> [String] {
    try await store.read { try $0.sandboxes(after: nil, limit: .max).map(\.id.text) }
  }

  private func insert(_ id: String) -> @Sendable (StoreTransaction) throws -> String {
    { transaction in
      try transaction.insert(plainSandbox(id))
      return id
    }
  }

  private func isSuccess<T>(_ result: Result<T, any Error>) -> Bool {
    if case .success = result { true } else { false }
  }

  @Test func oneThatThrowsTakesBackItsOwnAndNoOthers() async throws {
    let store = try Store(.memory)
    let refused: @Sendable (StoreTransaction) throws -> String = { transaction in
      try transaction.insert(plainSandbox("b"))
      try transaction.append(StoredEvent(atMs: 1, type: "exposed"))
      throw Refused()
    }
    // There is an `a` by then.
    let results = await group(store, [insert("a"), refused, insert("a"), insert("c")])
    #expect(results.map(isSuccess) == [true, false, false, true])
    #expect(throws: Refused.self) { try results[1].get() }
    #expect(throws: StoreError.self) { try results[2].get() }
    #expect(try await ids(store) == ["a", "c"])
    #expect(try await store.read { try $0.lastSequence() } == 0)
  }

  @Test func aGroupIsOneTransaction() async throws {
    let folder = TemporaryFolder()
    let store = try folder.open()
    let commits = Counter()
    try await store.database.write { $0.add(transactionObserver: commits, extent: .databaseLifetime) }
    commits.count.store(0, ordering: .relaxed)
    // The one that holds up the others, and the others together.
    let results = await group(store, (0..<40).map { insert("s\($0)") })
    #expect(results.allSatisfy(isSuccess))
    #expect(commits.count.load(ordering: .relaxed) == 2)
  }

  @Test func aGroupHasALargestSize() async throws {
    let store = try Store(.memory)
    let commits = Counter()
    try await store.database.write { $0.add(transactionObserver: commits, extent: .databaseLifetime) }
    commits.count.store(0, ordering: .relaxed)
    let results = await group(store, (0...CommitQueue.groupMax).map { insert("s\($0)") })
    #expect(results.allSatisfy(isSuccess))
    #expect(commits.count.load(ordering: .relaxed) == 3)
    #expect(try await ids(store).count == CommitQueue.groupMax + 1)
  }

  /// Counts commits.
  private final class Counter: TransactionObserver, Sendable {
    let count = Atomic(0)
    func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { false }
    func databaseDidChange(with event: DatabaseEvent) {}
    func databaseDidCommit(_ db: Database) { count.add(1, ordering: .relaxed) }
    func databaseDidRollback(_ db: Database) {}
  }

  @Test func whenTheCommitFailsAllOfTheGroupFail() async throws {
    let store = try Store(.memory)
    // Nothing that a transaction can do by itself makes a commit fail, so this one puts the check of keys off.
    let orphan: @Sendable (StoreTransaction) throws -> String = { transaction in
      try transaction.db.run("PRAGMA defer_foreign_keys = ON")
      try transaction.insert(plainExposure("nobody", port: 3_000))
      return "orphan"
    }
    let results = await group(store, [insert("a"), orphan, insert("b")])
    for result in results { #expect(throws: StoreError.self) { try result.get() } }
    #expect(try await ids(store) == [])
    // And the next ones are fine.
    #expect(await group(store, [insert("a"), insert("b")]).allSatisfy(isSuccess))
    #expect(try await ids(store) == ["a", "b"])
  }

  /// A disk without room: the file may not grow beyond the pages that it has.
  private func fill(_ store: Store, pages: Int) async throws {
    try await store.database.write { database in
      let count = try Int.fetchOne(database, sql: "PRAGMA page_count")!
      _ = try Int.fetchOne(database, sql: "PRAGMA max_page_count = \(count + pages)")
    }
  }

  private func large(_ id: String) -> @Sendable (StoreTransaction) throws -> String {
    { transaction in
      var sandbox = plainSandbox(id)
      sandbox.spec.image = String(repeating: "x", count: 100_000)
      try transaction.insert(sandbox)
      return id
    }
  }

  @Test func aFullDiskFailsOnlyThoseThatWereNotAcknowledged() async throws {
    let folder = TemporaryFolder()
    do {
      let store = try folder.open()
      #expect(await group(store, [insert("a")]).allSatisfy(isSuccess))
      try await fill(store, pages: 3)
      let results = await group(store, [insert("b"), large("c"), insert("d"), large("e"), insert("f")])
      var acknowledged: Set<String> = ["a"]
      for result in results {
        switch result {
        case .success(let id): acknowledged.insert(id)
        case .failure(let error):
          #expect("\(error)".contains("the disk is full: make room"), "\(error)")
        }
      }
      #expect(!isSuccess(results[1]) && !isSuccess(results[3]))
      // After the last of the large ones nothing is lost any more.
      #expect(isSuccess(results[4]))
      #expect(Set(try await ids(store)) == acknowledged)
      // Room was made.
      try await fill(store, pages: 1_000)
      #expect(await group(store, [large("g")]).allSatisfy(isSuccess))
    }
    #expect(try await ids(try folder.open()).contains("g"))
  }

  @Test func aBodyThatIgnoresWhatEndedItsTransactionWritesNothing() async throws {
    let store = try Store(.memory)
    try await fill(store, pages: 3)
    let stubborn: @Sendable (StoreTransaction) throws -> String = { transaction in
      try transaction.insert(plainSandbox("b"))
      _ = try? self.large("c")(transaction)
      // Outside of any transaction now, where it would be committed by itself.
      _ = try? transaction.insert(plainSandbox("d"))
      return "done"
    }
    let results = await group(store, [stubborn, insert("e")])
    #expect(throws: StoreError.self) { try results[0].get() }
    #expect(isSuccess(results[1]))
    #expect(try await ids(store) == ["e"])
  }

  @Test func manyAtOnceAreAllThere() async throws {
    let folder = TemporaryFolder()
    let store = try folder.open()
    let refused = await withTaskGroup(of: Bool.self) { tasks in
      for number in 0..<600 {
        tasks.addTask {
          do {
            try await store.write { transaction in
              try transaction.insert(plainSandbox("s\(number)"))
              try transaction.insert(plainExposure("s\(number)", port: 3_000))
              if number % 7 == 0 { throw Refused() }
            }
            return false
          } catch is Refused {
            return true
          } catch {
            Issue.record("\(error)")
            return true
          }
        }
        if number % 50 == 0 {
          tasks.addTask {
            // Whole transactions only, whenever one looks.
            let isWhole = try? await store.read { transaction in
              try transaction.sandboxes(after: nil, limit: .max).allSatisfy {
                try transaction.exposures($0.id).count == 1
              }
            }
            #expect(isWhole == true)
            return false
          }
        }
      }
      return await tasks.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(refused == (0..<600).count { $0 % 7 == 0 })
    #expect(Set(try await ids(store)) == Set((0..<600).filter { $0 % 7 != 0 }.map { "s\($0)" }))
  }

  @Test func oneThatIsCancelledIsDoneAllTheSame() async throws {
    let store = try Store(.memory)
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      return try await store.write { try $0.append(StoredEvent(atMs: 1, type: "woke")) }
    }
    task.cancel()
    #expect(try await task.value == 1)
    #expect(try await store.read { try $0.lastSequence() } == 1)
  }

  @Test func readersCannotWrite() async throws {
    let folder = TemporaryFolder()
    for store in [try Store(.memory), try folder.open()] {
      await #expect(throws: StoreError.self) { try await store.read { try $0.insert(plainSandbox("a")) } }
      #expect(try await ids(store) == [])
      try await store.write { try $0.insert(plainSandbox("a")) }
      #expect(try await ids(store) == ["a"])
    }
  }
}
