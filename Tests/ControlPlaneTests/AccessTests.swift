import Loop
import Sandbox
import Store
import Testing

@testable import ControlPlane

/// Who may do what, and how calls that nobody should make are answered.
@Suite struct AccessTests {
  @Test func withoutCredentialsThereIsOnlyWhatIsForAnybody() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      for route in APIRoutes.all {
        let target = route.path.text.replacing("{id}", with: id.text).replacing("{port}", with: "3000")
          .replacing("{snapshotId}", with: "snap1").replacing("{linkId}", with: "lnk1").replacing("{pid}", with: "7")
        for secret in ["", "phk_wrong", "pht_wrong", house.key + "x", String(house.key.dropLast())] {
          let answer = await house.call(route.method, target, as: secret)
          if case .anybody = route.access {
            #expect(answer.status == 200, "\(route.name)")
          } else {
            #expect(answer.status == 401 && answer.error == "auth/unauthenticated", "\(route.name): \(answer.text)")
            #expect(answer.header("www-authenticate")?.hasPrefix("Bearer") == true)
          }
        }
      }
    }
  }

  /// What a sandbox may do with its own token: everything about itself but ending, copying and renaming its secret.
  static let ownerOnly: Set = [
    "deleteSandbox", "rotateToken", "forkSandbox", "snapshotSandbox", "createSandbox", "listSandboxes", "getEvents",
    "explain", "listKeys", "createKey", "revokeKey", "getUsage", "listHistory", "listNetworkProfiles", "listSnapshots",
    "getSnapshot", "restoreSnapshot", "deleteSnapshot",
  ]

  @Test func aTokenOpensItsOwnSandboxAndNothingElse() async throws {
    try await onLoop {
      let house = try await House()
      let (id, token) = try await house.make()
      let (other, otherToken) = try await house.make()
      for route in APIRoutes.all {
        if case .anybody = route.access { continue }
        let target = route.path.text.replacing("{port}", with: "3000").replacing("{snapshotId}", with: "snap1")
          .replacing("{linkId}", with: "lnk1").replacing("{pid}", with: "7").replacing("{keyId}", with: "key1")
        let own = await house.call(route.method, target.replacing("{id}", with: id.text), as: token)
        let foreign = await house.call(route.method, target.replacing("{id}", with: other.text), as: token)
        if AccessTests.ownerOnly.contains(route.name) {
          #expect(own.status == (target.contains("{id}") ? 403 : 401), "\(route.name): \(own.text)")
        } else {
          #expect(own.status != 401 && own.status != 403, "\(route.name): \(own.text)")
        }
        if target.contains("{id}") { #expect(foreign.status == 401, "\(route.name): \(foreign.text)") }
      }
      _ = await house.call("POST", "/v1/sandboxes/\(other)/token/rotate")
      #expect(await house.call("GET", "/v1/sandboxes/\(other)", as: otherToken).status == 401)
    }
  }

  @Test func theTokenMayBeCarriedByItsOwnHeader() async throws {
    try await onLoop {
      let house = try await House()
      let (id, token) = try await house.make()
      let answer = await house.call(
        "GET", "/v1/sandboxes/\(id)", as: "", headers: [("x-porthole-token", token)])
      #expect(answer.status == 200)
      // An app's own authorization beside it does not matter.
      let both = await house.call(
        "GET", "/v1/sandboxes/\(id)", as: "someone-elses", headers: [("x-porthole-token", token)])
      #expect(both.status == 200)
    }
  }

  @Test func anEndedSandboxesTokenOpensNothing() async throws {
    try await onLoop {
      let house = try await House()
      let (id, token) = try await house.make()
      await house.call("DELETE", "/v1/sandboxes/\(id)")
      #expect(await house.call("GET", "/v1/sandboxes/\(id)", as: token).status == 401)
      #expect(await house.call("GET", "/v1/sandboxes/\(id)").json["status"] == "terminated")
    }
  }

  // MARK: A sandbox's own host

  @ControlLoop
  private static func atHome(
    _ house: House, _ id: String, _ method: String, _ target: String, _ body: JSONValue? = nil, as secret: String
  ) async -> Answer {
    let call = house.prepared(method, target, body, as: secret)
    call.isOnListener = false
    call.host = "\(id).p.test"
    return await house.answer(to: call)
  }

  @Test func aSandboxesHostHasItsOwnCalls() async throws {
    try await onLoop {
      let house = try await House()
      let (id, token) = try await house.make()
      let calls: [(String, String, JSONValue?, Int)] = [
        ("GET", "/", nil, 200), ("GET", "/info", nil, 200), ("GET", "/v1/sandboxes/\(id)", nil, 200),
        ("POST", "/exec", ["command": "x"], 200), ("POST", "/sandbox/exec", ["command": "x"], 200),
        ("POST", "/v1/sandboxes/\(id)/exec", ["command": "x"], 200), ("GET", "/processes", nil, 200),
        ("PUT", "/files?path=/a", nil, 201), ("GET", "/sandbox/files?path=/a", nil, 200),
        ("GET", "/dir?path=/", nil, 200),
        ("POST", "/ports", ["port": 3000], 201), ("GET", "/ports", nil, 200), ("POST", "/timeout", ["seconds": 5], 200),
        ("POST", "/pause", nil, 200), ("POST", "/resume", nil, 200), ("DELETE", "/", nil, 403),
        ("GET", "/nothing", nil, 404),
        ("GET", "/v1/sandboxes", nil, 404), ("GET", "/v1/keys", nil, 404), ("GET", "/healthz", nil, 404),
        ("DELETE", "/exec", nil, 405),
      ]
      for (method, target, body, status) in calls {
        let answer = await AccessTests.atHome(house, id.text, method, target, body, as: token)
        #expect(answer.status == status, "\(method) \(target): \(answer.text)")
        if status != 403, status != 201 {
          let byKey = await AccessTests.atHome(house, id.text, method, target, body, as: house.key)
          #expect(byKey.status == status, "\(method) \(target) with a key: \(byKey.text)")
        }
        let stranger = await AccessTests.atHome(house, id.text, method, target, body, as: "pht_wrong")
        #expect(stranger.status == 401, "\(method) \(target): \(stranger.text)")
        let nobody = await AccessTests.atHome(house, "s0000000000", method, target, body, as: token)
        #expect(nobody.status == 404 && nobody.error == "route/not-found", "\(method) \(target)")
      }
    }
  }

  @Test func theOtherSandboxesHostIsClosedToItsToken() async throws {
    try await onLoop {
      let house = try await House()
      let (_, token) = try await house.make()
      let (other, _) = try await house.make()
      #expect(await AccessTests.atHome(house, other.text, "GET", "/info", as: token).status == 401)
      #expect(await AccessTests.atHome(house, "api", "GET", "/v1/sandboxes", as: house.key).status == 200)
      #expect(await AccessTests.atHome(house, "api", "GET", "/v1/sandboxes", as: token).status == 401)
    }
  }

  // MARK: The server's own pages

  @Test func pagesOfTheServerAreForWhoReachesTheListener() async throws {
    try await onLoop {
      var hooks = ControlHooks()
      hooks.ownPages = { path in
        ["/healthz", "/readyz", "/metrics"].contains(path)
          ? OwnPage(contentType: "text/plain", body: Array(path.utf8)) : nil
      }
      let house = try await House(hooks: hooks)
      for path in ["/healthz", "/readyz", "/metrics"] {
        let answer = await house.call("GET", path, as: "")
        #expect(answer.status == 200 && answer.text == path)
      }
      for (path, secret, status) in [
        ("/healthz", "", 200), ("/readyz", "", 200), ("/metrics", "", 401), ("/metrics", house.key, 200),
      ] {
        let answer = await AccessTests.atHome(house, "api", "GET", path, as: secret)
        #expect(answer.status == status, "\(path)")
      }
    }
  }

  // MARK: What is no call

  @Test(arguments: [
    ("GET", "/v1", 404), ("GET", "/v2/sandboxes", 404), ("GET", "/v1/sandboxes/", 200), ("GET", "//v1/sandboxes", 404),
    ("GET", "/v1//sandboxes", 404), ("GET", "/V1/sandboxes", 404), ("PATCH", "/v1/sandboxes", 405),
    ("POST", "/v1/usage", 405), ("HEAD", "/v1/sandboxes", 200), ("OPTIONS", "/v1/sandboxes", 405),
    ("GET", "/v1/sandboxes/..%2fkeys", 404), ("GET", "/v1/sandboxes/%ff", 404), ("GET", "/v1/sandboxes/UPPER", 404),
    ("GET", "/v1/sandboxes?limit=0", 422), ("GET", "/v1/sandboxes?limit=1001", 422),
    ("GET", "/v1/sandboxes?limit=1000", 200), ("GET", "/v1/sandboxes?limit=01", 422),
    ("GET", "/v1/sandboxes?limit=1&limit=2", 422), ("GET", "/v1/sandboxes?lmit=1", 422),
    ("GET", "/v1/sandboxes?cursor=zzz", 422), ("GET", "/v1/sandboxes?limit=%zz", 422), ("GET", "/v1/sandboxes?", 200),
  ])
  func oddPathsAndQueriesAreRefused(method: String, target: String, status: Int) async throws {
    try await onLoop {
      let house = try await House()
      let answer = await house.call(method, target)
      #expect(answer.status == status, "\(answer.text)")
      if status == 405 { #expect(answer.header("allow") != nil) }
      if method == "HEAD" { #expect(answer.text.isEmpty) }
    }
  }

  @Test(arguments: [
    ("{", "application/json", 400, "request/invalid-json"), ("{}", "text/plain", 201, nil),
    ("{}", "application/x-www-form-urlencoded", 201, nil),
    ("{}", "application/xml", 415, "request/unsupported-media-type"),
    ("{}", "application/json; charset=utf-8", 201, nil), ("{}", "application/merge-patch+json", 201, nil),
    ("{}", "Application/JSON", 201, nil), ("", "text/plain", 201, nil), (" \n", "text/plain", 201, nil),
    ("[]", "application/json", 422, "request/invalid-body"),
    ("{\"a\":1}", "application/json", 422, "request/invalid-body"),
  ])
  func bodiesAreJSONObjects(text: String, type: String, status: Int, word: String?) async throws {
    try await onLoop {
      let house = try await House()
      let call = FakeCall(
        "POST", "/v1/sandboxes", headers: [("authorization", "bearer \(house.key)"), ("content-type", type)],
        body: Array(text.utf8))
      let answer = await house.answer(to: call)
      #expect(answer.status == status && answer.error == word, "\(answer.text)")
    }
  }

  @Test func aBodyHasALimit() async throws {
    try await onLoop {
      let house = try await House { $0.bodyBytesMax = 100 }
      let fits = "{\"name\": \"" + String(repeating: "a", count: 88) + "\"}"
      for (text, status) in [(fits, 201), (fits + " ", 413)] {
        let call = FakeCall(
          "POST", "/v1/sandboxes", headers: [("authorization", "Bearer \(house.key)")], body: Array(text.utf8))
        let answer = await house.answer(to: call)
        #expect(answer.status == status, "\(text.utf8.count): \(answer.text)")
      }
    }
  }
}

@Suite struct KeyTests {
  @Test func aKeyWorksUntilItIsRevokedAndTheLastOneStays() async throws {
    try await onLoop {
      let house = try await House()
      let made = await house.call("POST", "/v1/keys", ["name": "ci"])
      let (id, text) = (try #require(made.json["id"]?.text), try #require(made.json["key"]?.text))
      #expect(text.hasPrefix("phk_") && text.utf8.count == 47)
      #expect(await house.call("GET", "/v1/sandboxes", as: text).status == 200)
      let list = await house.call("GET", "/v1/keys", as: text)
      #expect(!list.text.contains(text) && !list.text.contains(house.key))
      let revoked = await house.call("DELETE", "/v1/keys/\(id)")
      #expect(revoked.status == 200 && revoked.json["revokedAt"]?.text != nil)
      #expect(await house.call("GET", "/v1/sandboxes", as: text).status == 401)
      let keys = try await house.store.read { try $0.apiKeys() }
      let first = try #require(keys.first { $0.revokedAtMs == nil }).id
      let last = await house.call("DELETE", "/v1/keys/\(first)")
      #expect(last.status == 409 && last.error == "conflict/state")
      #expect(await house.call("DELETE", "/v1/keys/key0").status == 404)
    }
  }

  @Test func keysSurviveARestartAndNoSecondFirstOneIsMade() async throws {
    try await onLoop {
      let house = try await House()
      #expect(house.key.hasPrefix("phk_"))
      let again = try await house.restarted()
      #expect(again.key == house.key)
      #expect(await again.call("GET", "/v1/sandboxes").status == 200)
      #expect(try await again.store.read { try $0.apiKeys() }.count == 1)
    }
  }

  @Test func theLastUseIsWrittenOnceAMinute() async throws {
    try await onLoop {
      let house = try await House()
      @ControlLoop func used() async throws -> UInt64? {
        try await house.store.read { try $0.apiKeys() }[0].lastUsedAtMs
      }
      await house.call("GET", "/v1/sandboxes")
      let first = house.clock.nowMs
      house.clock.turn(seconds: 1)
      try await until("written") { try await used() == first }
      await house.call("GET", "/v1/sandboxes")
      house.clock.turn(seconds: 2)
      house.clock.turn(seconds: 56)
      await house.call("GET", "/v1/sandboxes")
      #expect(try await used() == first)
      house.clock.turn(seconds: 1)
      await house.call("GET", "/v1/sandboxes")
      let second = house.clock.nowMs
      house.clock.turn(seconds: 2)
      try await until("written again") { try await used() == second }
    }
  }
}
