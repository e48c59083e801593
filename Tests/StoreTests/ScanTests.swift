import Sandbox
import Store
import Testing

/// The scan of the start says what the row-by-row calls say.
@Suite struct ScanTests {
  /// As the scan should have it.
  private struct Found: Equatable {
    var sandbox: StoredSandbox
    var exposures: [Exposure]
  }

  private func scan(_ store: Store, nowMs: UInt64) throws -> [Found] {
    var found: [Found] = []
    try store.forEachSandbox(nowMs: nowMs) { found.append(Found(sandbox: $0, exposures: $1)) }
    return found
  }

  private func byRows(_ transaction: StoreTransaction, nowMs: UInt64) throws -> [Found] {
    let sandboxes =
      try transaction.sandboxes(after: nil, limit: .max) + transaction.history(after: nil, limit: .max)
    return try sandboxes.sorted { $0.id.text < $1.id.text }.map { sandbox in
      if sandbox.endedAtMs != nil { return Found(sandbox: sandbox, exposures: []) }
      let exposures = try transaction.exposures(sandbox.id).map(\.exposure).filter {
        $0.expiresAtMs.map { $0 > nowMs } ?? true
      }
      return Found(
        sandbox: sandbox,
        exposures: try exposures.map { exposure in
          var exposure = exposure
          exposure.links = try transaction.links(sandbox.id, port: exposure.port).map(\.link).filter {
            $0.expiresAtMs > nowMs
          }
          return exposure
        })
    }
  }

  @Test(arguments: UInt64(1)...20)
  func theScanSaysWhatTheRowsSay(seed: UInt64) async throws {
    let store = try Store(.memory)
    try await store.write { transaction in
      var random = Seeded(seed)
      for number in 0..<random.below(60) {
        var sandbox = random.sandbox()
        // Ids of which one begins with another.
        if number % 3 == 0 { sandbox.id = SandboxID("a" + String(repeating: "a", count: number / 3))! }
        try transaction.insert(sandbox)
        for port in Set((0..<random.below(4)).map { _ in random.port() }) {
          try transaction.insert(random.exposure(of: sandbox.id, port: port))
          for _ in 0..<random.below(4) { try transaction.insert(random.link(of: sandbox.id, port: port)) }
        }
      }
    }
    for nowMs in [UInt64(0), 1_500, 3_000, .max] {
      let expected = try await store.read { try byRows($0, nowMs: nowMs) }
      #expect(try scan(store, nowMs: nowMs) == expected, "seed \(seed), at \(nowMs)")
    }
  }

  @Test(arguments: [(99, true), (100, false), (101, false)])
  func whatEndsNowIsLeftOut(nowMs: UInt64, isThere: Bool) async throws {
    let store = try Store(.memory)
    try await store.write { transaction in
      try transaction.insert(plainSandbox("demo"))
      try transaction.insert(plainExposure("demo", port: 2_000, expiresAtMs: 100))
      try transaction.insert(plainExposure("demo", port: 3_000))
      for port in [UInt16(2_000), 3_000] {
        var link = plainLink(UInt64(port), "demo", port: port)
        link.link.expiresAtMs = 100
        // What it was exchanged for lives on, so a used one has to be known.
        link.link.once = true
        link.redeemedAtMs = 5
        try transaction.insert(link)
      }
    }
    let exposures = try #require(try scan(store, nowMs: nowMs).first).exposures
    #expect(exposures.map(\.port) == (isThere ? [2_000, 3_000] : [3_000]))
    #expect(exposures.last?.links.map(\.id) == (isThere ? [3_000] : []))
  }

  @Test func anEmptyStoreHasNone() throws {
    #expect(try scan(Store(.memory), nowMs: 0) == [])
  }

  @Test func whatTheBodyThrowsEndsTheScan() async throws {
    struct Enough: Error {}
    let folder = TemporaryFolder()
    let store = try folder.open()
    try await store.write { for id in ["a", "b", "c"] { try $0.insert(plainSandbox(id)) } }
    var seen: [String] = []
    #expect(throws: Enough.self) {
      try store.forEachSandbox(nowMs: 0) { sandbox, _ in
        seen.append(sandbox.id.text)
        if seen.count == 2 { throw Enough() }
      }
    }
    #expect(seen == ["a", "b"])
    #expect(try scan(store, nowMs: 0).count == 3)
  }
}
