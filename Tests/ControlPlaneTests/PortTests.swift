import Auth
import Loop
import Sandbox
import Testing

@testable import ControlPlane

@Suite struct PortTests {
  @Test func anExposureHasEveryFieldThatWasAsked() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      let answer = await house.call(
        "POST", "/v1/sandboxes/\(id)/ports",
        [
          "port": 3000, "name": "web", "auth": "token", "ttl": "2h", "allowIPs": ["192.0.2.0/24", "2001:db8::1"],
          "host": "localhost", "protocol": "h2c", "embedOrigins": ["HTTPS://App.Test:443/", "https://app.test"],
          "wake": true, "keepAlive": false,
        ])
      #expect(answer.status == 201, "\(answer.text)")
      let json = answer.json
      #expect(json["name"] == "web" && json["auth"] == "token" && json["ttl"] == 7200 && json["host"] == "localhost")
      #expect(json["allowIPs"] == ["192.0.2.0/24", "2001:db8::1/128"])
      #expect(json["protocol"] == "h2c" && json["embedOrigins"] == ["https://app.test"])
      #expect(json["wake"] == true && json["keepAlive"] == false && json["source"] == "api")
      #expect(json["expiresAt"]?.text == TimeText.from(ms: house.clock.nowMs + 7_200_000))
      let record = try #require(house.workers.records[id])
      let exposure = try #require(record.exposures.first)
      #expect(exposure.port == 3000 && exposure.auth == .token && exposure.upstream == .h2c && exposure.nonce != 0)
      #expect(exposure.host == .localhost && exposure.wake && !exposure.keepAlive && exposure.allowIPs.count == 2)
      #expect(record.credential != nil && record.reservedPorts == [7777])
    }
  }

  @Test func aBrowserUrlIsAGrantThatWorkersAccept() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      let answer = await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3000, "auth": true, "ttl": 600])
      let url = try #require(answer.json["browserUrl"]?.text)
      let prefix = "https://3000-\(id).p.test:8443/.porthole/auth?grant="
      #expect(url.hasPrefix(prefix) && url.hasSuffix("&next=%2F"))
      let grant = String(url.dropFirst(prefix.count).dropLast("&next=%2F".count))
      let pass = try #require(opened(grant, id, house))
      let record = try #require(house.workers.records[id])
      #expect(pass.kind == .grant && pass.port == 3000 && pass.link == 0)
      #expect(pass.epoch == record.credential?.epoch && pass.nonce == record.exposures[0].nonce)
      // No longer than the exposure, which ends before the hour.
      #expect(pass.expiresAt == house.clock.nowMs / 1000 + 600)
      let plain = await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3001])
      #expect(plain.json["browserUrl"] == nil && plain.json["auth"] == "none")
    }
  }

  @ControlLoop
  private func opened(_ grant: String, _ id: SandboxID, _ house: House) -> Pass? {
    var (grant, sandbox) = (grant, id.text)
    return grant.withUTF8 { grant in
      sandbox.withUTF8 { house.workers.keys.last?.open(grant, sandbox: $0) }
    }
  }

  @Test func anExposedPortIsAConflictThatCarriesTheExposure() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      let first = await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3000, "name": "one"])
      let second = await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3000, "name": "two"])
      #expect(second.status == 409 && second.error == "conflict/already-exposed")
      #expect(second.json["detail"]?.text?.contains("already exposed") == true)
      let url = try #require(first.json["url"]?.text)
      #expect(second.json["detail"]?.text?.contains(url) == true)
      #expect(second.json["exposure"] == first.json)
    }
  }

  @Test(
    arguments: [
      (["port": 80], 422, "request/invalid-body"), (["port": 1023], 422, "request/invalid-body"),
      (["port": 99_999], 422, "request/invalid-body"), (["port": 7777], 403, "policy/port-reserved"),
      (["port": 9000], 403, "policy/port-not-allowed"), (["port": 3000], 201, nil), (["port": 8080], 201, nil),
      (["port": 3000, "allowIPs": ["nonsense"]], 422, "request/invalid-body"),
      (["port": 3000, "ttl": 0], 422, "request/invalid-body"),
      (["port": 3000, "host": "a b"], 422, "request/invalid-body"),
    ] as [(JSONValue, Int, String?)])
  func thePolicyDecidesWhichPorts(body: JSONValue, status: Int, word: String?) async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make(["network": ["ingress": ["allowPorts": [3000, 8080, 80, 7777]]]])
      let answer = await house.call("POST", "/v1/sandboxes/\(id)/ports", body)
      #expect(answer.status == status && answer.error == word, "\(answer.text)")
      if word == "policy/port-not-allowed" { #expect(answer.text.contains("network policy")) }
    }
  }

  @Test func closingEndsItAndASecondTimeIsNotFound() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3000])
      let generation = house.workers.records[id]?.generation
      let nonce = house.workers.records[id]?.exposures[0].nonce
      let closed = await house.call("DELETE", "/v1/sandboxes/\(id)/ports/3000")
      #expect(closed.json == ["port": 3000, "status": "closed"])
      #expect(house.workers.records[id]?.exposures == [] && house.workers.published.last?.touched == [id])
      #expect(await house.call("DELETE", "/v1/sandboxes/\(id)/ports/3000").status == 404)
      #expect(await house.call("GET", "/v1/sandboxes/\(id)/ports/3000").status == 404)
      await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3000])
      #expect(house.workers.records[id]?.exposures[0].nonce != nonce)
      #expect(house.workers.records[id]?.generation == generation, "connections live on")
    }
  }

  /// The pool tells the two apart by the port's treatment; the other ports' connections live on.
  @Test func anotherProtocolOnAPortIsNoNewGeneration() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make(["ingress": ["mode": "open"]])
      let plain = house.workers.records[id]?.generation
      await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3000, "protocol": "h2c"])
      let spoken = house.workers.records[id]?.generation
      #expect(spoken == plain)
      await house.call("DELETE", "/v1/sandboxes/\(id)/ports/3000")
      #expect(house.workers.records[id]?.generation == spoken)
    }
  }

  @Test func exposuresSurvivePauseAndRestartWithTheSameURLs() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      let made = await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3000, "auth": true])
      let before = house.workers.records[id]?.exposures
      await house.call("POST", "/v1/sandboxes/\(id)/pause")
      #expect(house.workers.records[id]?.exposures == before)
      let again = try await house.restarted()
      #expect(again.workers.records[id]?.exposures == before && again.workers.records[id]?.state == .paused)
      await again.call("POST", "/v1/sandboxes/\(id)/resume")
      let now = await again.call("GET", "/v1/sandboxes/\(id)/ports/3000")
      #expect(now.json["url"] == made.json["url"] && again.workers.records[id]?.exposures == before)
    }
  }

  @Test func theNumberOfExposuresIsBounded() async throws {
    try await onLoop {
      let house = try await House { $0.exposuresPerSandboxMax = 2 }
      let (id, _) = try await house.make()
      for (port, status) in [(3000, 201), (3001, 201), (3002, 503)] as [(Int64, Int)] {
        let answer = await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": .int(port)])
        #expect(answer.status == status)
        if status == 503 { #expect(answer.error == "limit/exhausted") }
      }
    }
  }

  @Test func listsComeInPages() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      for port in 3000..<3007 as Range<Int64> {
        await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": .int(port)])
      }
      var (ports, cursor, pages) = ([Int64](), "", 0)
      repeat {
        let page = await house.call("GET", "/v1/sandboxes/\(id)/ports?limit=3\(cursor)")
        guard case .array(let items) = page.json["ports"] else { break }
        ports += items.compactMap { $0["port"]?.integer }
        pages += 1
        cursor = page.json["next"]?.text.map { "&cursor=\($0)" } ?? ""
      } while !cursor.isEmpty
      #expect(ports == Array(3000..<3007) && pages == 3)
    }
  }

  @Test func manyAtOnceAllHappenAndTheLastRouteHasThemAll() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      _ = await together(Int64(3000)..<3050) { port in
        let answer = await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": .int(port)])
        #expect(answer.status == 201)
        if port % 2 == 0 { await house.call("DELETE", "/v1/sandboxes/\(id)/ports/\(port)") }
      }
      let ports = house.workers.records[id]?.exposures.map(\.port).sorted()
      #expect(ports == (3000..<3050).filter { $0 % 2 == 1 })
      #expect(house.plane.lanes.isQuiet)
    }
  }
}

@Suite struct LinkTests {
  @ControlLoop
  private func protected(_ house: House) async throws -> String {
    let (id, _) = try await house.make()
    let answer = await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3000, "auth": true])
    #expect(answer.status == 201)
    return "/v1/sandboxes/\(id)/ports/3000"
  }

  @Test func aLinkHasItsScopeAndIsKnownToWorkers() async throws {
    try await onLoop {
      let house = try await House()
      let port = try await protected(house)
      let made = await house.call(
        "POST", port + "/links",
        [
          "ttl": "1h", "once": true, "pathPrefix": "/docs", "methods": ["GET", "GET", "HEAD"],
          "allowIPs": ["192.0.2.0/24"], "name": "for Ann", "next": "/docs/a?b=c",
        ])
      #expect(made.status == 201, "\(made.text)")
      #expect(made.json["url"]?.text?.hasSuffix("&next=%2Fdocs%2Fa%3Fb%3Dc") == true)
      #expect(made.json["methods"] == ["GET", "HEAD"] && made.json["once"] == true)
      let link = try #require(house.workers.records.values.first?.exposures.first?.links.first)
      #expect(link.once && link.pathPrefix == "/docs" && link.methods == ["GET", "HEAD"] && link.allowIPs.count == 1)
      let list = await house.call("GET", port + "/links")
      #expect(!list.text.contains("grant=") && list.text.contains("for Ann"))
      let id = try #require(made.json["id"]?.text)
      #expect(id.utf8.count == 19)
      #expect(await house.call("DELETE", port + "/links/\(id)").status == 200)
      #expect(house.workers.records.values.first?.exposures.first?.links == [])
      #expect(await house.call("DELETE", port + "/links/\(id)").status == 404)
    }
  }

  @Test(
    arguments: [
      (["ttl": 59], ["ttl"]), (["ttl": 60], []), (["ttl": 31_536_001], ["ttl"]),
      (["pathPrefix": "docs"], ["pathPrefix"]),
      (["methods": ["get"]], ["methods[0]"]), (["methods": ["GE T"]], ["methods[0]"]), (["next": "//evil"], ["next"]),
      (["once": 1, "allowIPs": ["x"], "nam": ""], ["once", "allowIPs[0]", "nam"]),
    ] as [(JSONValue, [String])])
  func aLinkIsChecked(body: JSONValue, wrong: [String]) async throws {
    try await onLoop {
      let house = try await House()
      let answer = await house.call("POST", try await protected(house) + "/links", body)
      #expect(answer.status == (wrong.isEmpty ? 201 : 422), "\(answer.text)")
      #expect(Set(answer.wrongPaths) == Set(wrong))
    }
  }

  @Test func linksAreForProtectedPortsOnly() async throws {
    try await onLoop {
      let house = try await House()
      let (id, _) = try await house.make()
      await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3000])
      let answer = await house.call("POST", "/v1/sandboxes/\(id)/ports/3000/links")
      #expect(answer.status == 409 && answer.error == "conflict/state")
      #expect(await house.call("POST", "/v1/sandboxes/\(id)/ports/3001/links").status == 404)
    }
  }

  @Test func linksGoWithTheirPort() async throws {
    try await onLoop {
      let house = try await House()
      let port = try await protected(house)
      await house.call("POST", port + "/links")
      await house.call("DELETE", port)
      await house.call("POST", port.replacing("/3000", with: ""), ["port": 3000, "auth": true])
      let list = await house.call("GET", port + "/links")
      #expect(list.json["links"] == [])
    }
  }

  @Test func endedLinksMakeRoom() async throws {
    try await onLoop {
      let house = try await House { $0.linksPerExposureMax = 2 }
      let port = try await protected(house)
      for status in [201, 201, 503] { #expect(await house.call("POST", port + "/links", ["ttl": 60]).status == status) }
      house.clock.turn(seconds: 61)
      #expect(await house.call("GET", port + "/links").json["links"] == [])
      #expect(await house.call("POST", port + "/links").status == 201)
    }
  }

  @Test func theNumberInALinksNameHasOneSpelling() {
    #expect(LinkID.number(LinkID.text(7)) == 7 && LinkID.number(LinkID.text(.max)) == .max)
    for bad in ["lnk7", "lnk000000000000000G", "lnk+00000000000007", "LNK0000000000000007", "lnk00000000000000AB", ""] {
      #expect(LinkID.number(bad) == nil)
    }
  }
}
