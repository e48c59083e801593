import Sandbox
import Testing

@testable import Store

/// Lists: their order, their pages, and what goes with what.
@Suite struct ListTests {
  /// All pages of a list, one behind the other. Each but the last has `limit` rows.
  private func all<T>(
    _ limit: Int, _ page: (SandboxID?) async throws -> [T], _ key: (T) -> SandboxID
  ) async throws -> [String] {
    var ids: [String] = []
    var after: SandboxID?
    while true {
      let next = try await page(after)
      ids += next.map { key($0).text }
      #expect(next.count <= limit && ids.count < 99)
      guard next.count == limit, ids.count < 99 else { return ids }
      after = next.last.map(key)
    }
  }

  /// Pages that end before, at and behind the last row, and among rows of the same time.
  @Test(arguments: [1, 2, 3, 5, 6, 7])
  func livingSandboxesComeInPagesOldestFirst(limit: Int) async throws {
    let store = try Store(.memory)
    let times: [(String, UInt64)] = [("f", 1), ("a", 2), ("b", 2), ("c", 2), ("e", 3), ("d", 4)]
    try await store.write { transaction in
      for (id, time) in times.reversed() { try transaction.insert(plainSandbox(id, createdAtMs: time)) }
      try transaction.insert(plainSandbox("gone", createdAtMs: 2, endedAtMs: 3))
    }
    let ids = try await all(limit, { after in try await store.read { try $0.sandboxes(after: after, limit: limit) } }) {
      $0.id
    }
    #expect(ids == times.map(\.0))
  }

  @Test(arguments: [1, 2, 4, 5, 6])
  func endedSandboxesComeInPagesNewestEndFirst(limit: Int) async throws {
    let store = try Store(.memory)
    let times: [(String, UInt64)] = [("b", 9), ("d", 7), ("c", 7), ("a", 7), ("e", 1)]
    try await store.write { transaction in
      for (id, time) in times.reversed() { try transaction.insert(plainSandbox(id, endedAtMs: time)) }
      try transaction.insert(plainSandbox("living"))
    }
    let ids = try await all(limit, { after in try await store.read { try $0.history(after: after, limit: limit) } }) {
      $0.id
    }
    #expect(ids == times.map(\.0))
  }

  @Test(arguments: [1, 2, 3, 4, 5])
  func snapshotsComeInPagesOldestFirst(limit: Int) async throws {
    let store = try Store(.memory)
    let times: [(String, UInt64)] = [("d", 1), ("a", 2), ("c", 2), ("b", 3)]
    try await store.write { transaction in
      for (id, time) in times.reversed() { try transaction.insert(snapshot(id, time)) }
    }
    let ids = try await all(limit, { after in try await store.read { try $0.snapshots(after: after, limit: limit) } }) {
      $0.id
    }
    #expect(ids == times.map(\.0))
  }

  private func snapshot(_ id: String, _ time: UInt64) -> StoredSnapshot {
    let info = SnapshotInfo(sizeBytes: 1, spec: SandboxSpec(image: "alpine", env: ["SECRET": "1"]))
    return StoredSnapshot(id: SandboxID(id)!, sandbox: SandboxID("s")!, info: info, createdAtMs: time)
  }

  @Test func aRowThatLeftItsListStillSaysWhereTheNextPageBegins() async throws {
    let store = try Store(.memory)
    try await store.write { transaction in
      for id in ["a", "b", "c"] {
        try transaction.insert(plainSandbox(id))
        try transaction.insert(snapshot(id, 1))
      }
      try transaction.update(plainSandbox("b", endedAtMs: 5))
      #expect(try transaction.removeSnapshot(SandboxID("b")!))
      #expect(try !transaction.removeSnapshot(SandboxID("b")!))
    }
    let last = SandboxID("b")!
    #expect(try await store.read { try $0.sandboxes(after: last, limit: 9).map(\.id.text) } == ["c"])
    #expect(try await store.read { try $0.snapshots(after: last, limit: 9).map(\.id.text) } == ["c"])
    #expect(try await store.read { try $0.snapshots(after: nil, limit: 9).map(\.id.text) } == ["a", "c"])
    #expect(try await store.read { try $0.snapshot(last) } == nil)
    // Nothing of it but its id is left, and that is not used again.
    #expect(try await store.read { try $0.db.row("SELECT env FROM snapshot WHERE id = 'b'") { $0.isNull(0) } } == true)
    await #expect(throws: StoreError.self) { try await store.write { try $0.insert(snapshot("b", 9)) } }
  }

  @Test func afterARowThatNeverWasThereIsNothing() async throws {
    let store = try Store(.memory)
    try await store.write { transaction in
      try transaction.insert(plainSandbox("a"))
      try transaction.insert(plainSandbox("z", endedAtMs: 4))
      try transaction.insert(snapshot("a", 1))
    }
    for id in ["a0", "b"].compactMap({ SandboxID($0) }) {
      #expect(try await store.read { try $0.sandboxes(after: id, limit: 9) } == [])
      #expect(try await store.read { try $0.history(after: id, limit: 9) } == [])
      #expect(try await store.read { try $0.snapshots(after: id, limit: 9) } == [])
    }
    // One that lives has no place among those that ended.
    #expect(try await store.read { try $0.history(after: SandboxID("a")!, limit: 9) } == [])
  }

  @Test(arguments: [0, -1, Int.min])
  func aPageOfNoRowsIsEmpty(limit: Int) async throws {
    let store = try Store(.memory)
    try await store.write { transaction in
      try transaction.insert(plainSandbox("a"))
      try transaction.append(StoredEvent(atMs: 1, type: "exposed"))
    }
    #expect(try await store.read { try $0.sandboxes(after: nil, limit: limit) } == [])
    #expect(try await store.read { try $0.events(after: 0, limit: limit) } == [])
  }

  @Test func exposuresComeByPortAndLinksByAge() async throws {
    let store = try Store(.memory)
    let demo = SandboxID("demo")!
    try await store.write { transaction in
      for id in ["demo", "demo2"] {
        try transaction.insert(plainSandbox(id))
        for port in [UInt16(65_535), 1_024, 8_080, 0] { try transaction.insert(plainExposure(id, port: port)) }
      }
      try transaction.insert(plainLink(1, "demo", port: 8_080, createdAtMs: 9))
      try transaction.insert(plainLink(3, "demo", port: 8_080, createdAtMs: 4))
      try transaction.insert(plainLink(2, "demo", port: 8_080, createdAtMs: 4))
      try transaction.insert(plainLink(4, "demo", port: 1_024, createdAtMs: 1))
    }
    #expect(try await store.read { try $0.exposures(demo).map(\.exposure.port) } == [0, 1_024, 8_080, 65_535])
    #expect(try await store.read { try $0.links(demo, port: 8_080).map(\.link.id) } == [2, 3, 1])
    #expect(try await store.read { try $0.links(demo, port: 0) } == [])
  }

  @Test func linksGoWithTheirExposureAndNoOthers() async throws {
    let store = try Store(.memory)
    let demo = SandboxID("demo")!
    try await store.write { transaction in
      try transaction.insert(plainSandbox("demo"))
      for port in [UInt16(3_000), 3_001] { try transaction.insert(plainExposure("demo", port: port)) }
      for (id, port) in [(UInt64(1), UInt16(3_000)), (2, 3_000), (3, 3_001)] {
        try transaction.insert(plainLink(id, "demo", port: port))
      }
    }
    // An update is no removal.
    try await store.write { try $0.update(plainExposure("demo", port: 3_000, expiresAtMs: 7)) }
    #expect(try await store.read { try $0.links(demo, port: 3_000).count } == 2)
    #expect(try await store.write { try $0.removeExposure(demo, port: 3_000) })
    #expect(try await store.write { try !$0.removeExposure(demo, port: 3_000) })
    #expect(try await store.read { try $0.link(1) } == nil)
    #expect(try await store.read { try $0.link(3) } != nil)
    #expect(try await store.write { try $0.removeLink(3) })
    #expect(try await store.write { try !$0.removeLink(3) })
    #expect(try await store.read { try $0.exposures(demo).map(\.exposure.port) } == [3_001])
  }

  @Test func whatEndsIsListedSoonestFirst() async throws {
    let store = try Store(.memory)
    try await store.write { transaction in
      for id in ["a", "b"] { try transaction.insert(plainSandbox(id)) }
      try transaction.insert(plainExposure("b", port: 2_000, expiresAtMs: 50))
      try transaction.insert(plainExposure("a", port: 2_000, expiresAtMs: 90))
      try transaction.insert(plainExposure("a", port: 2_001, expiresAtMs: nil))
      try transaction.insert(plainExposure("a", port: 2_002, expiresAtMs: 10))
    }
    let ending = try await store.read {
      try $0.expiringExposures().map { "\($0.sandbox):\($0.port) \($0.expiresAtMs)" }
    }
    #expect(ending == ["a:2002 10", "b:2000 50", "a:2000 90"])
  }

  @Test func whatIsThereIsNotInsertedAndWhatIsNotThereIsNotUpdated() async throws {
    let store = try Store(.memory)
    let key = StoredAPIKey(id: "key1", name: "", hash: [1], createdAtMs: 1)
    let answer = StoredAnswer(key: "k", fingerprint: [1], status: 200, body: [], createdAtMs: 1)
    let first: [@Sendable (StoreTransaction) throws -> Void] = [
      { try $0.insert(plainSandbox("demo")) }, { try $0.insert(plainExposure("demo", port: 3_000)) },
      { try $0.insert(plainLink(1, "demo", port: 3_000)) }, { try $0.insert(key) }, { try $0.insert(answer) },
    ]
    let changes: [@Sendable (StoreTransaction) throws -> Void] = [
      { try $0.update(plainSandbox("demo")) }, { try $0.update(plainExposure("demo", port: 3_000)) },
      { try $0.update(plainLink(1, "demo", port: 3_000)) }, { try $0.update(key) },
    ]
    for change in changes { await #expect(throws: StoreError.self) { try await store.write(change) } }
    // Neither an exposure without its sandbox, nor a link without its exposure.
    for orphan in first[1...2] { await #expect(throws: StoreError.self) { try await store.write(orphan) } }
    for insert in first { try await store.write(insert) }
    for insert in first { await #expect(throws: StoreError.self) { try await store.write(insert) } }
    for change in changes { try await store.write(change) }
  }

  @Test func eventsAreNumberedForGoodAndForgottenFromTheOldest() async throws {
    let folder = TemporaryFolder()
    func append(_ count: Int) async throws -> [Int64] {
      try await folder.open().write { transaction in
        try (0..<count).map { _ in try transaction.append(StoredEvent(atMs: 1, type: "woke")) }
      }
    }
    #expect(try await folder.open().read { try $0.lastSequence() } == 0)
    #expect(try await append(5) == [1, 2, 3, 4, 5])
    let keep: @Sendable (Int) -> @Sendable (StoreTransaction) throws -> [Int64] = { count in
      { transaction in
        try transaction.trimEvents(keep: count)
        return try transaction.events(after: 0, limit: 99).map(\.sequence)
      }
    }
    #expect(try await folder.open().write(keep(6)) == [1, 2, 3, 4, 5])
    #expect(try await folder.open().write(keep(5)) == [1, 2, 3, 4, 5])
    #expect(try await folder.open().write(keep(3)) == [3, 4, 5])
    #expect(try await folder.open().read { try $0.events(after: 3, limit: 1).map(\.sequence) } == [4])
    #expect(try await folder.open().write(keep(0)) == [])
    // Nothing is left, and still the numbers go on.
    #expect(try await folder.open().read { try $0.lastSequence() } == 5)
    #expect(try await append(2) == [6, 7])
  }

  @Test func answersAreForgottenByAge() async throws {
    let store = try Store(.memory)
    try await store.write { transaction in
      for time in UInt64(1)...3 {
        try transaction.insert(
          StoredAnswer(key: "k\(time)", fingerprint: [], status: 201, body: [], createdAtMs: time))
      }
      try transaction.forgetAnswers(before: 2)
    }
    #expect(try await store.read { try $0.answer("k1") } == nil)
    #expect(try await store.read { try $0.answer("k2") } != nil)
    #expect(try await store.read { try $0.answer("k3") } != nil)
  }

  /// A list that is read row by row, or sorted for each page, would take longer the more there is.
  @Test(arguments: [
    (SandboxRow.living, 3), (SandboxRow.ended, 3), (SnapshotRow.kept, 3), (ExposureRow.ending, 0),
    (SandboxScan.sandboxes, 0), (SandboxScan.exposures, 1), (SandboxScan.links, 1),
  ])
  func listsAreReadInTheirOrderByAnIndex(sql: String, values: Int) async throws {
    let store = try Store(.memory)
    let plan = try await store.read { transaction in
      try transaction.db.rows("EXPLAIN QUERY PLAN " + sql, [Value](repeating: .int(1), count: values)) { $0.text(3) }
    }
    #expect(plan.count == 1 && !plan[0].contains("TEMP B-TREE"), "\(plan)")
    let isPage = sql.contains("LIMIT")
    #expect(!isPage || plan[0].hasPrefix("SEARCH"), "\(plan)")
  }
}
