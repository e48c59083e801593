import Sandbox
import Testing

@testable import Router

@Suite struct PersistenceTests {
  static let hashes: [(String, KeyHash)] = [
    ("random", .random()), ("colliding", .colliding), ("deep", .deep),
    ("one bucket", KeyHash(seed: 0, multiplier: 1, mask: 0)),
  ]

  @Test func anOldTableStaysAsItWas() {
    let old = RouteTable(domains: ["test"], changes: [.putSandbox(record("a")), .putSandbox(record("b"))])
    let new = old.applying([
      .removeSandbox(SandboxID("a")!), .putSandbox(record("b", state: .paused)), .putSandbox(record("c")),
    ])
    #expect(
      ["a", "b", "c"].map { decide(old, "80-\($0).test") } == ["forward a:80", "forward b:80", "404 route/not-found"])
    #expect(
      ["a", "b", "c"].map { decide(new, "80-\($0).test") } == [
        "404 route/not-found", "503 lifecycle/paused", "forward c:80",
      ])
    #expect(old.count == 2 && new.count == 2)
  }

  @Test func changesAreMadeInTheirOrder() {
    let a = SandboxID("a")!
    let table = RouteTable(domains: ["test"])
    #expect(table.applying([.putSandbox(record("a")), .removeSandbox(a)]).count == 0)
    #expect(table.applying([.removeSandbox(a), .putSandbox(record("a"))]).count == 1)
    #expect(table.applying([.removeSandbox(a), .removeGateway(host: "a")]).count == 0)
  }

  /// Every table on the way is kept for a while and must go on agreeing with the dictionary of its time.
  @Test(arguments: hashes)
  func tablesAgreeWithADictionary(name: String, hash: KeyHash) {
    let seed: UInt64 = 20_261_121
    var random = SeededRandom(seed)
    let ids = (0..<300).map { "s\($0)" }
    var model: [String: UInt64] = [:]
    var table = RouteTable(domains: ["test"], hash: hash, changes: [])
    var kept: [(RouteTable, [String: UInt64])] = []

    for step in 0..<1500 {
      var changes: [RouteChange] = []
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let id = ids.randomElement(using: &random)!
        // Growing and shrinking by turns, so that the trie is seen full and nearly empty.
        if Int.random(in: 0..<10, using: &random) < (step / 300 % 2 == 0 ? 7 : 2) {
          let record = record(id)
          model[id] = record.generation
          changes.append(.putSandbox(record))
        } else {
          model[id] = nil
          changes.append(.removeSandbox(SandboxID(id)!))
        }
      }
      table = table.applying(changes)
      if step % 50 == 0 { kept.append((table, model)) }
      #expect(table.count == model.count, "seed \(seed), step \(step)")
    }
    kept.append((table, model))
    for (table, model) in kept {
      let wrong = ids.filter { upstream(table, "80-\($0).test")?.generation != model[$0] }
      #expect(wrong.isEmpty, "seed \(seed)")
    }
  }

  @Test(arguments: hashes)
  func theShapeDependsOnTheEntriesAlone(name: String, hash: KeyHash) {
    var random = SeededRandom(7)
    let records = (0..<200).map { record("s\($0)") }
    func nodes(_ table: RouteTable) -> Int { table.sandboxes.memory.census.nodesLive }

    let straight = RouteTable(domains: [], hash: hash, changes: records.prefix(100).map { .putSandbox($0) })
    var winding = RouteTable(domains: [], hash: hash, changes: [])
    for record in records.shuffled(using: &random) { winding = winding.applying([.putSandbox(record)]) }
    for record in records.dropFirst(100).shuffled(using: &random) {
      winding = winding.applying([.removeSandbox(record.id)])
    }
    #expect(nodes(winding) == nodes(straight))

    for record in records { winding = winding.applying([.removeSandbox(record.id)]) }
    #expect(nodes(winding) == 0)
  }

  @Test(arguments: hashes)
  func memoryGoesWithTheLastTableThatSharesIt(name: String, hash: KeyHash) {
    var random = SeededRandom(3)
    let memory: TrieMemory
    weak var target: UpstreamTarget?
    do {
      var tables = [
        RouteTable(domains: ["test"], hash: hash, changes: [.putSandbox(record("s0", expose: [Exposure(port: 80)]))])
      ]
      memory = tables[0].sandboxes.memory
      target = upstream(tables[0], "80-s0.test")
      #expect(target != nil)
      for step in 0..<600 {
        let id = "s\(Int.random(in: 0..<150, using: &random))"
        let changes: [RouteChange] =
          step % 3 == 2
          ? [.removeSandbox(SandboxID(id)!), .removeGateway(host: id)]
          : [
            .putSandbox(record(id, expose: [Exposure(port: 3000), Exposure(port: 4000, host: .localhost)])),
            .putGateway(host: id, gateway()), .putSandbox(record(id)),
          ]
        let next = tables.randomElement(using: &random)!.applying(changes)
        // A crowd of tables that descend from each other is dropped in no order.
        if tables.count < 20 { tables.append(next) } else { tables[Int.random(in: 0..<20, using: &random)] = next }
      }
      #expect(memory.census.nodesLive > 0)
    }
    #expect(memory.census.nodesLive == 0)
    #expect(memory.census.entriesLive == 0)
    #expect(target == nil)
  }

  @Test func tablesAreDroppedByAnyThread() async {
    let hash = KeyHash.random()
    var table = RouteTable(domains: ["test"], hash: hash, changes: (0..<500).map { .putSandbox(record("s\($0)")) })
    let memory = table.sandboxes.memory
    await withTaskGroup(of: Void.self) { group in
      for step in 0..<2000 {
        let seen = table
        group.addTask { #expect(seen.count > 0 && decide(seen, "80-s499.test") == "forward s499:80") }
        let id = "s\(step % 499)"
        table = table.applying([step % 2 == 0 ? .removeSandbox(SandboxID(id)!) : .putSandbox(record(id))])
      }
    }
    table = .empty
    #expect(memory.census.nodesLive == 0)
    #expect(memory.census.entriesLive == 0)
  }

  /// Counted in nodes that a change makes, which does not depend on the machine.
  @Test func aChangeCostsTheSameAtAnySize() {
    func nodesPerChange(_ count: Int) -> Double {
      var table = RouteTable(domains: [], changes: (0..<count).map { .putSandbox(record("s\($0)")) })
      let made = { (table: RouteTable) in table.sandboxes.memory.census.nodesMade }
      let before = made(table)
      for step in 0..<200 {
        table = table.applying([.putSandbox(record("t\(step)")), .removeSandbox(SandboxID("s\(step)")!)])
      }
      return Double(made(table) - before) / 400
    }
    let (small, large) = (nodesPerChange(1000), nodesPerChange(200_000))
    // log64 of a thousand is 1.7, of 200,000 2.9; a second change of a batch meets nodes that are its own already.
    #expect(small < 4)
    #expect(large < small + 2)
  }

  @Test func aBatchCopiesNoNodeTwice() {
    let table = RouteTable(domains: [], changes: (0..<5000).map { .putSandbox(record("s\($0)")) })
    let memory = table.sandboxes.memory
    let (made, live) = (memory.census.nodesMade, memory.census.nodesLive)
    let next = table.applying((0..<5000).map { .putSandbox(record("s\($0)", state: .paused)) })
    #expect(memory.census.nodesMade - made == live)
    #expect(next.count == 5000)
  }
}

@Suite struct KeyHashTests {
  func hash(_ hash: KeyHash, _ text: String) -> UInt64 {
    var text = text
    return text.withUTF8 { hash($0) }
  }

  @Test func keysThatAreAlikeHaveHashesThatAreNot() {
    let random = KeyHash.random()
    var keys = (0...70).map { String(repeating: "a", count: $0) }
    keys += (0..<20_000).map { "sandbox-\($0)" } + (0..<64).map { String(repeating: "a", count: $0) + "b" }
    #expect(Set(keys.map { hash(random, $0) }).count == keys.count)
    // Each step of the trie takes six bits: all 64 values must be about as common at any of them.
    for depth in 0..<10 {
      var counts = [Int](repeating: 0, count: 64)
      for key in keys { counts[Int(RouteTrie.slot(hash(random, key), depth: depth))] += 1 }
      #expect(counts.allSatisfy { (200...430).contains($0) }, "depth \(depth): \(counts)")
    }
  }

  @Test func theSeedDecides() {
    #expect(hash(.random(), "bench") != hash(.random(), "bench"))
  }
}
