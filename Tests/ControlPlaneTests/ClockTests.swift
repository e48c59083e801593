import Auth
import Bytes
import Loop
import Router
import Sandbox
import Store
import Testing

@testable import ControlPlane

/// What happens because time passes. The clock is turned by hand.
@Suite struct ClockTests {
  @Test(arguments: [("destroy", SandboxState.terminated), ("pause", .paused), ("hibernate", .hibernated)])
  func anIdleSandboxIsPutToRestWhenItsTimeIsUp(action: String, state: SandboxState) async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make(["timeoutSec": 60, "onTimeout": .string(action)])
      house.clock.turn(59_999)
      for _ in 0..<50 { await Task.yield() }
      #expect(house.runner.asked.count == 1)
      house.clock.turn(1)
      try await until("at rest") { house.workers.records[id]?.state == state }
      #expect(try await house.eventTypes(id).prefix(2) == ["created", "idle"])
      try await until("forgotten") { house.plane.idle.count == 0 && house.plane.lives.isEmpty }
    }
  }

  @Test func activityPutsItOff() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make(["timeoutSec": 60, "onTimeout": "pause"])
      house.clock.turn(seconds: 50)
      house.plane.take(.activity([id]))
      house.clock.turn(seconds: 50)
      await house.call("POST", "/v1/sandboxes/\(id)/exec", ["command": "x"])
      house.clock.turn(seconds: 59)
      for _ in 0..<50 { await Task.yield() }
      #expect(house.workers.records[id]?.state == .running)
      house.clock.turn(seconds: 1)
      try await until("paused") { house.workers.records[id]?.state == .paused }
    }
  }

  @Test func aCommandThatRunsIsActivity() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make(["timeoutSec": 60, "onTimeout": "pause"])
      house.runner.script("exec", .hang)
      let running = Task { await house.call("POST", "/v1/sandboxes/\(id)/exec", ["command": "x", "timeoutSec": 3600]) }
      try await until("running") { house.runner.hanging == 1 }
      for _ in 0..<10 { house.clock.turn(seconds: 60) }
      for _ in 0..<50 { await Task.yield() }
      #expect(house.workers.records[id]?.state == .running)
      house.runner.release()
      #expect(await running.value.status == 200)
      house.clock.turn(seconds: 61)
      house.clock.turn(seconds: 60)
      try await until("paused") { house.workers.records[id]?.state == .paused }
    }
  }

  @Test func settingTheTimeoutStartsItsClockAgain() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make(["timeoutSec": 60, "onTimeout": "pause"])
      house.clock.turn(seconds: 50)
      let set = await house.call("POST", "/v1/sandboxes/\(id)/timeout", ["seconds": 30])
      #expect(set.json["timeoutSec"] == 30)
      house.clock.turn(seconds: 29)
      for _ in 0..<50 { await Task.yield() }
      #expect(house.workers.records[id]?.state == .running)
      house.clock.turn(seconds: 1)
      try await until("paused") { house.workers.records[id]?.state == .paused }
      await house.call("POST", "/v1/sandboxes/\(id)/resume")
      await house.call("POST", "/v1/sandboxes/\(id)/timeout", ["seconds": 0])
      #expect(house.plane.idle.count == 0)
      house.clock.turn(seconds: 86_400)
      for _ in 0..<50 { await Task.yield() }
      #expect(house.workers.records[id]?.state == .running)
    }
  }

  @Test func anIdleTimeoutSurvivesARestartAndBeginsAnew() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make(["timeoutSec": 60, "onTimeout": "pause"])
      house.clock.turn(seconds: 50)
      await house.plane.stop()
      let again = try await house.restarted()
      again.clock.turn(seconds: 59)
      for _ in 0..<50 { await Task.yield() }
      #expect(again.workers.records[id]?.state == .running)
      again.clock.turn(seconds: 1)
      try await until("paused") { again.workers.records[id]?.state == .paused }
    }
  }

  @Test func anIdleSandboxThatWillNotRestIsTriedAgain() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make(["timeoutSec": 60, "onTimeout": "pause"])
      house.runner.script("pause", .fail(.failed("no")))
      house.clock.turn(seconds: 60)
      try await until("tried") { try await house.eventTypes(id).contains("failed") && house.plane.lives.isEmpty }
      house.clock.turn(seconds: 60)
      try await until("paused") { house.workers.records[id]?.state == .paused }
    }
  }

  @Test func manyTouchesKeepOneLookEach() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make(["timeoutSec": 60])
      for _ in 0..<1_000 { house.plane.take(.activity([id])) }
      #expect(house.plane.idle.count == 1)
    }
  }

  // MARK: Exposures that end

  @Test func anExposureEndsWithinItsSecond() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3000, "ttl": 10])
      await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3001, "ttl": 5])
      await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3002])
      house.clock.turn(4_999)
      #expect(house.workers.records[id]?.exposures.count == 3)
      house.clock.turn(1)
      try await until("the first") { house.workers.records[id]?.exposures.map(\.port) == [3000, 3002] }
      #expect(await house.call("GET", "/v1/sandboxes/\(id)/ports/3001").status == 404)
      house.clock.turn(5_000)
      // Gone for everybody at once, swept up or not.
      #expect(await house.call("GET", "/v1/sandboxes/\(id)/ports/3000").status == 404)
      try await until("the second") { house.workers.records[id]?.exposures.map(\.port) == [3002] }
      #expect(try await house.eventTypes(id).suffix(2) == ["expired", "expired"])
      #expect(house.workers.published.last?.touched == [id])
    }
  }

  @Test func aPortThatWasClosedAndExposedAnewIsNotEndedByTheOldClock() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3000, "ttl": 10])
      await house.call("DELETE", "/v1/sandboxes/\(id)/ports/3000")
      await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3000, "ttl": 20])
      house.clock.turn(seconds: 10)
      for _ in 0..<200 { await Task.yield() }
      #expect(house.workers.records[id]?.exposures.count == 1)
      house.clock.turn(seconds: 10)
      try await until("ended") { house.workers.records[id]?.exposures == [] }
    }
  }

  @Test func whatEndedWhilePortholeWasDownIsClosedAtTheStart() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3000, "ttl": 10])
      await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3001, "ttl": 100])
      let clock = TurnedClock(nowMs: house.clock.nowMs + 50_000)
      let again = try await House(runner: house.runner, store: house.store, clock: clock, key: house.key)
      #expect(again.workers.records[id]?.exposures.map(\.port) == [3001])
      clock.turn(0)
      try await until("told") { try await again.eventTypes(id).last == "expired" }
      clock.turn(seconds: 50)
      try await until("the other") { again.workers.records[id]?.exposures == [] }
    }
  }

  @Test func moreEndsThanAreKeptInMindAllCome() async throws {
    try await onLoop {
      let house = try await House { $0.expiriesKept = 3 }
      let (id, _) = try await house.make()
      for index in 0..<10 as Range<Int64> {
        await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": .int(3000 + index), "ttl": .int(10 + index)])
      }
      await house.plane.stop()
      let again = try await House(runner: house.runner, store: house.store, clock: house.clock, key: house.key) {
        $0.expiriesKept = 3
      }
      #expect(again.plane.expiries.count == 3)
      for left in (0..<10).reversed() {
        again.clock.turn(seconds: left == 9 ? 10 : 1)
        try await until("\(left) left") {
          again.clock.turn(0)
          return again.workers.records[id]?.exposures.count == left
        }
      }
    }
  }

  // MARK: Keys

  @Test func sealingKeysRotateEveryWeekAndOldOnesAreForgotten() async throws {
    try await onLoop {
      let house = try await House()
      let first = house.workers.keys[0].ring[0].id
      house.clock.skip(7 * 86_400_000 - 60_000)
      for _ in 0..<100 { await Task.yield() }
      #expect(house.workers.keys.last?.ring.count == 1)
      house.clock.turn(seconds: 120)
      try await until("rotated") { house.workers.keys.last?.ring.count == 2 }
      #expect(house.workers.keys.last?.ring.map(\.id).last == first)
      #expect(try house.store.loadKeys(nowMs: house.clock.nowMs).ring.count == 2, "saved before it was published")
      house.clock.skip(61 * 86_400_000)
      try await until("forgotten") {
        house.clock.turn(seconds: 60)
        return house.workers.keys.last?.ring.contains { $0.id == first } == false
      }
    }
  }

  @Test func tokensOutliveTheSealingKeys() async throws {
    try await onLoop {
      let house = try await House()
      let (id, token) = try await house.make()
      house.clock.skip(100 * 86_400_000)
      let again = try await house.restarted()
      #expect(await again.call("GET", "/v1/sandboxes/\(id)", as: token).status == 200)
    }
  }
}

@Suite struct ReportTests {
  @ControlLoop
  private func onceLink(_ house: House) async throws -> (SandboxID, Redemption) {
    let (id, _) = try await house.make()
    await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3000, "auth": true])
    await house.call("POST", "/v1/sandboxes/\(id)/ports/3000/links", ["once": true, "ttl": 600])
    let exposure = try #require(house.workers.records[id]?.exposures.first)
    let link = try #require(exposure.links.first)
    return (
      id,
      Redemption(
        worker: 0, ticket: 1, sandbox: id, port: 3000, nonce: exposure.nonce, link: link.id,
        client: IPAddress("192.0.2.1")!)
    )
  }

  @Test func ofManyWhoRedeemOneSucceeds() async throws {
    try await onLoop {
      let house = try await House()
      let (id, redemption) = try await onceLink(house)
      for ticket in 0..<50 as Range<UInt64> {
        var one = redemption
        one.ticket = ticket
        house.plane.take(.redeem(one))
      }
      try await until("answered") { house.workers.answers.count == 50 }
      #expect(house.workers.answers.count { $0.granted } == 1)
      #expect(Set(house.workers.answers.map(\.redemption.ticket)).count == 50)
      let list = await house.call("GET", "/v1/sandboxes/\(id)/ports/3000/links")
      guard case .array(let links) = list.json["links"] else { return }
      #expect(links[0]["redeemedAt"]?.text != nil && links[0]["lastUsedAt"]?.text != nil)
      #expect(house.workers.records[id]?.exposures[0].links.count == 1, "what it began goes on")
      #expect(try await house.eventTypes(id).count { $0 == "linkUsed" } == 1)
      #expect(house.plane.counters.redemptions == 1 && house.plane.counters.redemptionsRefused == 49)
      let again = try await house.restarted()
      again.plane.take(.redeem(redemption))
      try await until("answered") { again.workers.answers.count == 1 }
      #expect(!again.workers.answers[0].granted, "for good")
    }
  }

  @Test(arguments: ["nonce", "link", "port", "sandbox", "expired", "revoked", "closed", "rotatedAway"])
  func whatDoesNotFitIsRefused(what: String) async throws {
    try await onLoop {
      let house = try await House()
      var (id, redemption) = try await onceLink(house)
      switch what {
      case "nonce": redemption.nonce ^= 1
      case "link": redemption.link ^= 1
      case "port": redemption.port = 3001
      case "sandbox": redemption.sandbox = try await house.make().id
      case "expired": house.clock.turn(seconds: 601)
      case "revoked":
        await house.call(
          "DELETE", "/v1/sandboxes/\(id)/ports/3000/links/\(LinkID.text(redemption.link))")
      case "closed": await house.call("DELETE", "/v1/sandboxes/\(id)/ports/3000")
      default:
        await house.call("DELETE", "/v1/sandboxes/\(id)")
      }
      house.plane.take(.redeem(redemption))
      try await until("answered") { house.workers.answers.count == 1 }
      #expect(!house.workers.answers[0].granted)
    }
  }

  @Test func refusalsAndUsesAreFoldedPerSecond() async throws {
    try await onLoop {
      let house = try await House()
      let (id, redemption) = try await onceLink(house)
      let client = IPAddress("192.0.2.1")!
      for _ in 0..<10 {
        house.plane.take(.denied(id, port: 3000, word: "auth/unauthenticated", client: client, count: 2))
        house.plane.take(.linkUsed(id, port: 3000, link: redemption.link, client: client))
        house.plane.take(.firstRequest(id, port: 3000, nonce: redemption.nonce))
      }
      house.plane.take(.denied(id, port: 3000, word: "auth/forbidden", client: client, count: 1))
      house.plane.take(.firstRequest(id, port: 3000, nonce: redemption.nonce ^ 1))
      house.clock.turn(seconds: 1)
      try await until("written") { try await house.eventTypes(id).contains("firstRequest") }
      let events = try await house.store.read { try $0.events(after: 0, limit: 100) }
      let denied = events.filter { $0.type == "denied" }
      #expect(denied.count == 2 && denied.contains { $0.details.contains("\"count\":20") })
      #expect(events.count { $0.type == "linkUsed" } == 1 && events.count { $0.type == "firstRequest" } == 1)
      house.plane.take(.firstRequest(id, port: 3000, nonce: redemption.nonce))
      house.plane.take(.denied(id, port: 3000, word: "auth/forbidden", client: client, count: 1))
      house.clock.turn(seconds: 1)
      try await until("written") { try await house.eventTypes(id).count { $0 == "denied" } == 3 }
      #expect(try await house.eventTypes(id).count { $0 == "firstRequest" } == 1, "first is first")
    }
  }

  @Test func whoeverGuessesFromManyAddressesDoesNotFillTheFeed() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      for index in 0..<10_000 as Range<UInt32> {
        house.plane.take(
          .denied(id, port: 3000, word: "auth/unauthenticated", client: IPAddress(v4: index), count: 1))
      }
      house.clock.turn(seconds: 1)
      try await until("written") { try await house.eventTypes(id).contains("denied") }
      #expect(try await house.eventTypes(id).count == 65)
      #expect(house.plane.counters.deniedUnwritten == 10_000 - 64)
    }
  }
}
