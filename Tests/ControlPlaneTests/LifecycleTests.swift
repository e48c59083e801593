import Auth
import Loop
import Router
import Sandbox
import Store
import Testing

@testable import ControlPlane

@Suite struct LifecycleTests {
  @Test func aSandboxIsMadeExposedPausedAndEnded() async throws {
    try await onLoop {
      let house = try await House()
      let (id, token) = try await house.make(["image": "python:3.12", "name": "one"])
      #expect(token.hasPrefix("pht_"))
      let own = "/v1/sandboxes/\(id)"
      await house.call("POST", own + "/ports", ["port": 3000, "auth": true])
      #expect(await house.call("POST", own + "/pause").json["status"] == "paused")
      #expect(await house.call("POST", own + "/resume").json["status"] == "running")
      let ended = await house.call("DELETE", own)
      #expect(ended.status == 200 && ended.json["status"] == "terminated" && ended.json["cpuMs"] == 120)
      #expect(await house.call("DELETE", own).json == ended.json, "again it tells the same")
      #expect(try await house.eventTypes(id) == ["created", "exposed", "paused", "resumed", "destroyed"])
      // Not running before the runner begins to pause, running only after it has resumed.
      #expect(
        house.workers.states[id] == [
          .creating, .running, .pausing, .paused, .resuming, .running, .terminating, .terminated,
        ])
      #expect(house.workers.records[id]?.exposures == [] && house.workers.records[id]?.credential == nil)
      #expect(house.plane.lives.isEmpty && house.plane.lanes.isQuiet)
    }
  }

  @Test func anEndedSandboxIsGoneForEveryVerb() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      await house.call("DELETE", "/v1/sandboxes/\(id)")
      let calls: [(String, String, JSONValue?)] = [
        ("POST", "/pause", nil), ("POST", "/resume", nil), ("POST", "/hibernate", nil), ("POST", "/fork", nil),
        ("POST", "/snapshots", nil), ("POST", "/timeout", ["seconds": 1]), ("POST", "/token/rotate", nil),
        ("POST", "/ports", ["port": 3000]), ("POST", "/exec", ["command": "x"]), ("GET", "/files?path=/a", nil),
        ("DELETE", "/ports/3000", nil), ("POST", "/ports/3000/links", nil), ("POST", "/processes", ["command": "x"]),
      ]
      for (method, path, body) in calls {
        let answer = await house.call(method, "/v1/sandboxes/\(id)" + path, body)
        #expect(answer.status == 410 && answer.error == "lifecycle/terminated", "\(path): \(answer.text)")
      }
    }
  }

  @Test func whatIsInThatStateAlreadyChangesNothing() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      let own = "/v1/sandboxes/\(id)"
      for (verb, status) in [
        ("/resume", "running"), ("/pause", "paused"), ("/pause", "paused"), ("/hibernate", "hibernated"),
        ("/hibernate", "hibernated"), ("/resume", "running"), ("/resume", "running"),
      ] {
        let answer = await house.call("POST", own + verb)
        #expect(answer.status == 200 && answer.json["status"]?.text == status, "\(verb): \(answer.text)")
      }
      #expect(house.runner.asked.map(\.verb) == ["create", "pause", "hibernate", "resume"])
      await house.call("POST", own + "/hibernate")
      let answer = await house.call("POST", own + "/pause")
      #expect(answer.status == 409 && answer.error == "conflict/state", "\(answer.text)")
    }
  }

  @Test func aThousandWakesAreOneResume() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      await house.call("POST", "/v1/sandboxes/\(id)/pause")
      house.runner.script("resume", .hang)
      for _ in 0..<500 { house.plane.take(.wake(id, port: 3000)) }
      try await until("resuming") { house.runner.hanging == 1 }
      for _ in 0..<500 { house.plane.take(.wake(id, port: 3000)) }
      let calls = Task { await together(0..<20) { _ in await house.call("POST", "/v1/sandboxes/\(id)/resume").status } }
      #expect(house.workers.records[id]?.state == .resuming)
      for _ in 0..<100 { await Task.yield() }
      house.runner.release()
      #expect(await calls.value == [Int](repeating: 200, count: 20))
      #expect(house.runner.count("resume") == 1 && house.workers.records[id]?.state == .running)
      #expect(try await house.eventTypes(id) == ["created", "paused", "woke"])
      #expect(house.plane.counters.wakes == 1)
    }
  }

  @Test func aFailedWakeIsLeftAloneForAWhile() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      await house.call("POST", "/v1/sandboxes/\(id)/pause")
      house.runner.script("resume", .fail(.failed("no memory")))
      house.plane.take(.wake(id, port: 3000))
      try await until("failed") { house.plane.counters.wakesFailed == 1 }
      #expect(house.workers.records[id]?.state == .paused)
      for waitMs: UInt64 in [0, 999] {
        house.clock.turn(waitMs)
        house.plane.take(.wake(id, port: 3000))
        for _ in 0..<100 { await Task.yield() }
        #expect(house.runner.count("resume") == 1)
      }
      house.clock.turn(1)
      house.plane.take(.wake(id, port: 3000))
      try await until("running") { house.workers.records[id]?.state == .running }
      #expect(try await house.eventTypes(id) == ["created", "paused", "failed", "woke"])
    }
  }

  @Test func theBackoffDoublesUpToHalfAMinute() async throws {
    try await onLoop {
      let wakes = Wakes()
      let id = try #require(SandboxID("a"))
      var nowMs: UInt64 = 0
      for delayMs: UInt64 in [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        #expect(wakes.begin(id, nowMs: nowMs))
        #expect(!wakes.begin(id, nowMs: nowMs), "it is being woken")
        wakes.failed(id, nowMs: nowMs)
        #expect(!wakes.begin(id, nowMs: nowMs + delayMs - 1))
        nowMs += delayMs
      }
      #expect(wakes.begin(id, nowMs: nowMs))
      wakes.succeeded(id)
      #expect(wakes.begin(id, nowMs: nowMs))
      wakes.failed(id, nowMs: nowMs)
      #expect(wakes.begin(id, nowMs: nowMs + 1_000), "success forgets what failed before")
    }
  }

  @Test func failuresLeadBackWithAReason() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      let own = "/v1/sandboxes/\(id)"
      house.runner.script("pause", .fail(.failed("the disk is full")))
      let paused = await house.call("POST", own + "/pause")
      #expect(paused.status == 502 && paused.error == "runner/failed" && paused.text.contains("the disk is full"))
      let now = await house.call("GET", own)
      #expect(now.json["status"] == "running" && now.json["reason"] == "pause: the disk is full")
      #expect(house.workers.records[id]?.state == .running)
      await house.call("POST", own + "/pause")
      for (error, status, word) in [
        (RunnerError.exhausted("no memory"), 503, "limit/exhausted"), (.conflict("busy"), 409, "conflict/state"),
        (.timedOut, 504, "runner/timeout"), (.notFound("gone"), 404, "route/not-found"),
      ] {
        house.runner.script("resume", .fail(error))
        let answer = await house.call("POST", own + "/resume")
        #expect(answer.status == status && answer.error == word, "\(answer.text)")
        #expect(await house.call("GET", own).json["status"] == "paused")
      }
      #expect(await house.call("POST", own + "/resume").status == 200)
    }
  }

  @Test func aPauseOfUnknownOutcomeIsMadeCertainByAResume() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      house.runner.script("pause", .fail(.timedOut))
      let answer = await house.call("POST", "/v1/sandboxes/\(id)/pause")
      #expect(answer.status == 504 && answer.error == "runner/timeout")
      #expect(house.runner.asked.map(\.verb) == ["create", "pause", "resume"])
      #expect(house.workers.records[id]?.state == .running)
    }
  }

  @Test func aRunnerThatIgnoresItsDeadlineIsNotWaitedFor() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      house.runner.script("pause", .ignoreCancellation)
      let call = Task { await house.call("POST", "/v1/sandboxes/\(id)/pause") }
      try await until("hanging") { house.runner.hanging == 1 }
      house.clock.turn(seconds: 34)
      #expect(house.workers.records[id]?.state == .pausing)
      house.clock.turn(seconds: 1)
      #expect(await call.value.status == 504)
      #expect(house.workers.records[id]?.state == .running)
      house.runner.release()
    }
  }

  @Test func destroyInterruptsWhateverGoesOn() async throws {
    for verb in ["create", "pause", "hibernate", "resume", "snapshot", "fork"] {
      try await onLoop {
        let house = try await House()
        house.runner.script(verb, .hang)
        let id: SandboxID
        let call: Task<Answer, Never>
        if verb == "create" {
          let made = await house.call("POST", "/v1/sandboxes", ["wait": false])
          #expect(made.json["status"] == "creating" && made.json["token"]?.text != nil)
          id = try #require(SandboxID(made.json["id"]?.text ?? ""))
          call = Task { await house.call("GET", "/v1/sandboxes/\(id)") }
        } else {
          id = try await house.make().id
          if verb == "resume" { await house.call("POST", "/v1/sandboxes/\(id)/pause") }
          let path = verb == "snapshot" ? "snapshots" : verb
          call = Task { await house.call("POST", "/v1/sandboxes/\(id)/\(path)") }
        }
        try await until("\(verb) hangs") { house.runner.hanging == 1 }
        let ended = await house.call("DELETE", "/v1/sandboxes/\(id)")
        #expect(ended.status == 200 && ended.json["status"] == "terminated", "\(verb): \(ended.text)")
        let interrupted = await call.value
        if verb != "create" { #expect(interrupted.status == 410 || interrupted.status == 409, "\(interrupted.text)") }
        #expect(
          house.runner.overlaps == 0 && house.runner.asked.count { $0 == .init(verb: "destroy", id: id) } == 1,
          "\(verb): \(house.runner.asked)")
        #expect(house.workers.records[id]?.state == .terminated)
        #expect(try await house.eventTypes(id).last == "destroyed")
        try await until("at rest") { house.plane.lives.isEmpty }
      }
    }
  }

  @Test func whatIsOpenIsCutAtOnceWhenTheEndIsAskedFor() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      house.runner.script("snapshot", .ignoreCancellation)
      let copying = Task { await house.call("POST", "/v1/sandboxes/\(id)/snapshots") }
      try await until("copying") { house.runner.hanging == 1 }
      let ending = Task { await house.call("DELETE", "/v1/sandboxes/\(id)") }
      try await until("cut") { house.workers.records[id]?.state == .terminating }
      #expect(house.runner.hanging == 1 && house.workers.published.last?.touched == [id])
      house.runner.release()
      #expect(await ending.value.status == 200)
      let copied = await copying.value.status
      #expect(copied == 201 || copied == 410)
    }
  }

  @Test func verbsThatExcludeEachOtherAreRefusedOrWait() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      let own = "/v1/sandboxes/\(id)"
      house.runner.script("pause", .hang)
      let pausing = Task { await house.call("POST", own + "/pause") }
      try await until("pausing") { house.runner.hanging == 1 }
      #expect(await house.call("POST", own + "/hibernate").status == 409)
      #expect(await house.call("POST", own + "/fork").status == 409)
      #expect(await house.call("POST", own + "/exec", ["command": "x"]).status == 409)
      let again = Task { await house.call("POST", own + "/pause") }
      let resuming = Task { await house.call("POST", own + "/resume") }
      // Exposing does not wait for a runner.
      #expect(await house.call("POST", own + "/ports", ["port": 3000]).status == 201)
      for _ in 0..<100 { await Task.yield() }
      house.runner.release()
      #expect(await pausing.value.status == 200)
      #expect(await resuming.value.json["status"] == "running")
      #expect(await again.value.status == 200)
      #expect(house.runner.asked.map(\.verb) == ["create", "pause", "resume"] && house.runner.overlaps == 0)
    }
  }

  @Test func aFailedDestroyMayBeAskedForAgainAndNothingElseMay() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      let own = "/v1/sandboxes/\(id)"
      house.runner.script("destroy", .fail(.failed("it will not go")))
      #expect(await house.call("DELETE", own).status == 502)
      #expect(await house.call("GET", own).json["status"] == "terminating")
      for verb in ["/pause", "/resume", "/hibernate", "/fork"] {
        #expect(await house.call("POST", own + verb).status == 409, "\(verb)")
      }
      #expect(await house.call("DELETE", own).status == 200)
      #expect(house.plane.lives.isEmpty)
    }
  }

  @Test func aSandboxThatCannotBeMadeLeavesNothingButItsId() async throws {
    try await onLoop {
      let house = try await House()
      house.runner.script("create", .fail(.invalid(field: "image", "there is no such image")))
      let answer = await house.call("POST", "/v1/sandboxes", ["image": "nothing"])
      #expect(answer.status == 422 && answer.wrongPaths == ["image"], "\(answer.text)")
      let row = try #require(try await house.store.read { try $0.history(after: nil, limit: 10) }.first)
      #expect(row.state == .terminated && row.endedAtMs != nil)
      #expect(house.workers.states[row.id] == [.creating, .terminating, .terminated])
      #expect(await house.call("GET", "/v1/sandboxes").json["sandboxes"] == [])
      #expect(try await house.eventTypes(row.id) == ["failed", "destroyed"])
    }
  }

  @Test func whatTheRunnerCannotDoIsSaidWithItsName() async throws {
    try await onLoop {
      let house = try await House(runner: ScriptedRunner(capabilities: [.create]))
      let (id, _) = try await house.make()
      let own = "/v1/sandboxes/\(id)"
      let calls: [(String, String, JSONValue?, String)] = [
        ("POST", own + "/pause", nil, "pause"), ("POST", own + "/resume", nil, "pause"),
        ("POST", own + "/hibernate", nil, "hibernate"), ("POST", own + "/fork", nil, "fork"),
        ("POST", own + "/snapshots", nil, "snapshot"), ("POST", own + "/exec", ["command": "x"], "exec"),
        ("GET", own + "/files?path=/a", nil, "files"), ("GET", own + "/processes", nil, "exec"),
      ]
      for (method, path, body, capability) in calls {
        let answer = await house.call(method, path, body)
        #expect(answer.status == 501 && answer.error == "runner/unsupported", "\(path): \(answer.text)")
        #expect(answer.json["capability"]?.text == capability)
      }
      let nothing = try await House(runner: ScriptedRunner(capabilities: []))
      #expect(await nothing.call("POST", "/v1/sandboxes").json["capability"] == "create")
    }
  }

  @Test func aClientThatLeavesStopsNoVerbThatHasBegun() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      house.runner.script("pause", .hang)
      let call = house.prepared("POST", "/v1/sandboxes/\(id)/pause")
      let task = Task { await house.plane.handle(call) }
      try await until("pausing") { house.runner.hanging == 1 }
      call.isGone = true
      task.cancel()
      for _ in 0..<100 { await Task.yield() }
      #expect(house.runner.hanging == 1)
      house.runner.release()
      try await until("paused") { house.workers.records[id]?.state == .paused }
    }
  }

  @Test func rotatingMakesTheOldTokenWorthless() async throws {
    try await onLoop {
      let house = try await House()
      let (id, token) = try await house.make()
      let own = "/v1/sandboxes/\(id)"
      let before = house.workers.records[id]?.credential
      let rotated = await house.call("POST", own + "/token/rotate")
      let new = try #require(rotated.json["token"]?.text)
      #expect(new != token && house.workers.records[id]?.credential != before)
      #expect(house.workers.records[id]?.credential?.tokenHash == SHA256.hash(new))
      #expect(house.workers.published.last?.touched == [id])
      #expect(await house.call("GET", own, as: token).status == 401)
      #expect(await house.call("GET", own, as: new).status == 200)
      #expect(try await house.eventTypes(id).last == "revoked")
    }
  }

  @Test func aForkIsAnEqualWithItsOwnCredentials() async throws {
    try await onLoop {
      let house = try await House()
      let (id, token) = try await house.make(["name": "parent", "timeoutSec": 60])
      await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3000, "auth": true, "name": "web"])
      let answer = await house.call("POST", "/v1/sandboxes/\(id)/fork", ["count": 3])
      guard case .array(let children) = answer.json["sandboxes"] else { Issue.record("\(answer.text)"); return }
      #expect(children.count == 3 && Set(children.map { $0["token"]?.text }).count == 3)
      for child in children {
        let childID = try #require(SandboxID(child["id"]?.text ?? ""))
        let record = try #require(house.workers.records[childID])
        #expect(record.state == .running && record.exposures.map(\.port) == [3000])
        #expect(record.exposures[0].nonce != house.workers.records[id]?.exposures[0].nonce)
        #expect(child["exposedPorts"] == 1 && child["timeoutSec"] == 60 && child["name"] == "parent")
        #expect(await house.call("GET", "/v1/sandboxes/\(childID)", as: token).status == 401)
        #expect(try await house.eventTypes(childID) == ["forked"])
      }
      #expect(house.runner.count("fork") == 1 && house.plane.lives.isEmpty)
    }
  }

  @Test func aForkThatFailsLeavesNoChildren() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      house.runner.script("fork", .fail(.exhausted("no memory for three")))
      let answer = await house.call("POST", "/v1/sandboxes/\(id)/fork", ["count": 3])
      #expect(answer.status == 503 && answer.error == "limit/exhausted", "\(answer.text)")
      #expect(try await house.store.read { try $0.sandboxes(after: nil, limit: 10) }.map(\.id) == [id])
      #expect(try await house.state(id) == .running && house.plane.lives.isEmpty)
    }
  }
}
