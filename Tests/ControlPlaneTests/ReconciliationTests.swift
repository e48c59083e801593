import Bytes
import Loop
import Router
import Sandbox
import Store
import Testing

@testable import ControlPlane

@Suite struct ReconciliationTests {
  private static let here = SandboxAddress.ip(IPAddress("10.0.0.9")!)

  struct Case: CustomTestStringConvertible {
    let was: SandboxState
    let found: RunnerFinding
    let becomes: SandboxState
    var reason: String?
    var asks: [String] = []
    var testDescription: String { "\(was.rawValue), found \(found)" }
  }

  static let cases: [Case] = {
    var cases: [Case] = []
    for was: SandboxState in [.running, .pausing, .paused, .hibernating, .hibernated, .resuming, .failed] {
      cases += [
        Case(was: was, found: .running(here), becomes: .running),
        Case(was: was, found: .paused(here), becomes: .paused),
        Case(was: was, found: .hibernated, becomes: .hibernated),
        Case(was: was, found: .gone(reason: "x"), becomes: .terminated, reason: "lost"),
      ]
    }
    // Nobody was told of it, or somebody was told that it is ended: it is ended.
    for was: SandboxState in [.creating, .terminating] {
      for found: RunnerFinding in [.running(here), .paused(here), .hibernated] {
        cases.append(Case(was: was, found: found, becomes: .terminated, asks: ["destroy"]))
      }
    }
    cases.append(Case(was: .creating, found: .gone(reason: "x"), becomes: .terminated, reason: "lost"))
    cases.append(Case(was: .terminating, found: .gone(reason: "x"), becomes: .terminated))
    cases.append(Case(was: .terminated, found: .running(here), becomes: .terminated))
    return cases
  }()

  @Test(arguments: cases)
  func aRestartFindsWhatTheRunnerHas(test: Case) async throws {
    try await onLoop {
      let (store, runner) = (try Store(.memory), ScriptedRunner())
      let id = try #require(SandboxID("a"))
      var row = StoredSandbox(id: id, spec: SandboxSpec(image: "x"), createdAtMs: 1)
      row.enter(test.was, nowMs: 2)
      let written = row
      try await store.write { tx in
        try tx.insert(written)
        if test.was != .terminated {
          try tx.insert(StoredExposure(sandbox: id, exposure: Exposure(port: 3000, nonce: 5), createdAtMs: 3))
        }
      }
      runner.put(id, test.found)
      let house = try await House(runner: runner, store: store)
      try await until("at rest") { house.plane.lives.isEmpty }
      let now = try #require(try await store.read { try $0.sandbox(id) })
      #expect(now.state == test.becomes)
      if let reason = test.reason { #expect(now.reason == reason) }
      #expect(runner.asked.map(\.verb) == test.asks && runner.hasSettled)
      let record = try #require(house.workers.records[id])
      #expect(record.state == test.becomes)
      #expect(record.exposures.count == (test.becomes == .terminated ? 0 : 1))
      switch test.found {
      case .running, .paused: if test.becomes != .terminated { #expect(now.address == ReconciliationTests.here) }
      default: #expect(now.address == .none)
      }
      if test.becomes == .running { #expect(now.runningSinceMs != nil) } else { #expect(now.runningSinceMs == nil) }
      #expect(house.workers.published.count { !$0.changes.isEmpty } == (test.asks.isEmpty ? 1 : 2), "one batch")
      let endedNow = test.becomes == .terminated && test.was != .terminated
      #expect(try await house.eventTypes(id) == (endedNow ? ["destroyed"] : []))
    }
  }

  @Test func whatWasInTheMakingWhenTheProcessDiedIsEndedAndItsIdStays() async throws {
    try await onLoop {
      let house = try await House()
      house.runner.script("create", .ignoreCancellation)
      let made = await house.call("POST", "/v1/sandboxes", ["wait": false])
      let id = try #require(SandboxID(made.json["id"]?.text ?? ""))
      try await until("making") { house.runner.hanging == 1 }
      let again = try await house.restarted(runner: ScriptedRunner())
      #expect(try await again.state(id) == .terminated)
      #expect(await again.call("GET", "/v1/sandboxes/\(id)").json["status"] == "terminated")
      #expect(again.workers.records[id]?.state == .terminated)
      house.runner.release()
    }
  }

  @Test func manyAreReadInOneBatchAndNothingIsKeptOfThem() async throws {
    try await onLoop {
      let (store, runner) = (try Store(.memory), ScriptedRunner())
      let ids = (0..<2_000).compactMap { SandboxID("s\($0)") }
      try await store.write { tx in
        for id in ids {
          var row = StoredSandbox(id: id, spec: SandboxSpec(image: "x"), createdAtMs: 1)
          row.enter(.running, nowMs: 2)
          try tx.insert(row)
          try tx.insert(StoredExposure(sandbox: id, exposure: Exposure(port: 3000, nonce: 5), createdAtMs: 3))
        }
      }
      for (index, id) in ids.enumerated() where index % 2 == 0 { runner.put(id, .running(ReconciliationTests.here)) }
      let house = try await House(runner: runner, store: store)
      #expect(house.workers.table.count == 2_000)
      #expect(house.workers.published.count { !$0.changes.isEmpty } == 1)
      #expect(house.workers.records.values.count { $0.state == .running } == 1_000)
      #expect(house.plane.lives.isEmpty && house.plane.idle.count == 0 && house.plane.lanes.isQuiet)
      #expect(try await house.eventTypes().count == 1_000)
    }
  }

  // MARK: Sandboxes that something else started

  private static func listed(
    _ id: String, _ exposures: [Exposure] = [], mode: Ingress.Mode = .published
  ) -> ListedSandbox {
    ListedSandbox(id: SandboxID(id)!, address: here, ingress: Ingress(mode: mode), exposures: exposures)
  }

  @ControlLoop
  private func house(_ listed: ListedSandbox..., store: Store? = nil, key: String = "") async throws -> House {
    let runner = ScriptedRunner(kind: "static", capabilities: [], listed: listed)
    return try await House(runner: runner, store: store, key: key)
  }

  @Test func aListedSandboxHasARowAndItsProtectedPortsOpen() async throws {
    try await onLoop {
      let one = try await house(Self.listed("demo", [Exposure(port: 3000, auth: .token), Exposure(port: 3001)]))
      let id = try #require(SandboxID("demo"))
      let record = try #require(one.workers.records[id])
      #expect(record.state == .running && record.address == Self.here && record.exposures.map(\.port) == [3000, 3001])
      #expect(record.exposures.allSatisfy { $0.nonce != 0 })
      let port = await one.call("GET", "/v1/sandboxes/demo/ports/3000")
      #expect(port.json["source"] == "configuration" && port.json["browserUrl"]?.text != nil)
      #expect(await one.call("POST", "/v1/sandboxes/demo/ports/3000/links").status == 201)
      #expect(await one.call("DELETE", "/v1/sandboxes/demo/ports/3000").error == "conflict/configured")
      #expect(await one.call("POST", "/v1/sandboxes/demo/ports", ["port": 3000]).error == "conflict/already-exposed")
      #expect(await one.call("POST", "/v1/sandboxes/demo/ports", ["port": 4000]).status == 201)
      #expect(await one.call("DELETE", "/v1/sandboxes/demo").json["capability"] == "create")
      #expect(await one.call("GET", "/v1/sandboxes/demo").json["image"] == "-")
    }
  }

  @Test func aRestartKeepsNoncesAndFollowsTheList() async throws {
    try await onLoop {
      let id = try #require(SandboxID("demo"))
      let one = try await house(Self.listed("demo", [Exposure(port: 3000, auth: .token), Exposure(port: 3001)]))
      await one.call("POST", "/v1/sandboxes/demo/ports", ["port": 4000])
      await one.call("POST", "/v1/sandboxes/demo/ports", ["port": 4001])
      let before = try #require(one.workers.records[id])
      let two = try await house(
        Self.listed("demo", [Exposure(port: 3000, name: "new", auth: .token), Exposure(port: 4001)]), store: one.store,
        key: one.key)
      let after = try #require(two.workers.records[id])
      #expect(after.credential == before.credential)
      #expect(after.exposures.map(\.port) == [3000, 4000, 4001])
      func nonce(_ record: SandboxRecord, _ port: UInt16) -> UInt64? {
        record.exposures.first { $0.port == port }?.nonce
      }
      #expect(nonce(after, 3000) == nonce(before, 3000) && nonce(after, 4000) == nonce(before, 4000))
      #expect(nonce(after, 4001) != nonce(before, 4001), "the configuration took it over")
      #expect(after.exposures[0].name == "new")
    }
  }

  @Test func whatIsNotListedAnyMoreHasNoRouteAndMayComeBack() async throws {
    try await onLoop {
      let id = try #require(SandboxID("demo"))
      let one = try await house(Self.listed("demo", [Exposure(port: 3000)]))
      await one.call("POST", "/v1/sandboxes/demo/ports", ["port": 4000])
      let two = try await house(store: one.store, key: one.key)
      #expect(two.workers.records[id] == nil && two.workers.table.count == 0)
      #expect(await two.call("GET", "/v1/sandboxes/demo").json["status"] == "failed")
      let three = try await house(Self.listed("demo"), store: one.store, key: one.key)
      #expect(three.workers.records[id]?.exposures.map(\.port) == [4000])
      #expect(three.workers.records[id]?.state == .running)
    }
  }

  @Test func aReloadIsFollowedWhileRunning() async throws {
    try await onLoop {
      let house = try await house(Self.listed("one", [Exposure(port: 3000)]))
      let (one, two) = (try #require(SandboxID("one")), try #require(SandboxID("two")))
      house.runner.tell(.listed(Self.listed("two", mode: .open)))
      try await until("two is there") { house.workers.records[two]?.ingress.mode == .open }
      let generation = house.workers.records[one]?.generation
      house.runner.tell(.listed(Self.listed("one", [Exposure(port: 3000), Exposure(port: 3001)])))
      try await until("one has two ports") { house.workers.records[one]?.exposures.count == 2 }
      #expect(house.workers.records[one]?.generation == generation, "its connections live on")
      house.runner.tell(.listed(Self.listed("one", [Exposure(port: 3000, upstream: .h2c)])))
      try await until("one port again") { house.workers.records[one]?.exposures.count == 1 }
      #expect(house.workers.records[one]?.generation == generation, "other ports' connections live on")
      house.runner.tell(.unlisted(one))
      try await until("one is gone") { house.workers.records[one] == nil }
    }
  }

  @Test func aListedIdOfASandboxThatWeMadeChangesNothing() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      let before = house.workers.records[id]
      house.runner.tell(.listed(ListedSandbox(id: id, address: Self.here)))
      house.runner.tell(.listed(Self.listed("other")))
      let other = try #require(SandboxID("other"))
      try await until("the next is there") { house.workers.records[other] != nil }
      #expect(house.workers.records[id] == before)
    }
  }

  // MARK: What a runner tells

  @Test func anEndThatNobodyAskedForIsForGood() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      house.runner.tell(.ended(id, reason: "the guest shut down"))
      try await until("ended") { house.workers.records[id]?.state == .terminated }
      let now = await house.call("GET", "/v1/sandboxes/\(id)")
      #expect(now.json["status"] == "terminated" && now.json["reason"] == "the guest shut down")
      #expect(try await house.eventTypes(id) == ["created", "destroyed"])
      #expect(await house.call("DELETE", "/v1/sandboxes/\(id)").status == 200)
      #expect(house.runner.count("destroy") == 0)
    }
  }

  @Test func aFailedOneMayBeResumed() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      house.runner.tell(.failed(id, reason: "the host lost power"))
      try await until("failed") { house.workers.records[id]?.state == .failed }
      #expect(await house.call("POST", "/v1/sandboxes/\(id)/exec", ["command": "x"]).status == 409)
      #expect(await house.call("POST", "/v1/sandboxes/\(id)/resume").json["status"] == "running")
      #expect(try await house.eventTypes(id) == ["created", "failed", "resumed"])
      #expect(house.plane.lives.isEmpty)
    }
  }

  @Test func aMoveMeansNewConnections() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      let before = house.workers.records[id]
      house.runner.tell(.moved(id, Self.here))
      try await until("moved") { house.workers.records[id]?.address == Self.here }
      #expect(house.workers.records[id]?.generation != before?.generation)
      house.runner.tell(.portOpened(id, port: 3000))
      house.runner.tell(.portClosed(id, port: 3000))
      try await until("told") { try await house.eventTypes(id) == ["created", "portOpened", "portClosed"] }
      house.runner.tell(.moved(SandboxID("nobody")!, Self.here))
      house.runner.tell(.ended(SandboxID("nobody")!, reason: ""))
    }
  }
}
