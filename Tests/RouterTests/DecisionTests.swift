import Bytes
import HTTP
import Sandbox
import Testing

@testable import Router

@Suite struct IngressTests {
  func table(_ record: SandboxRecord) -> RouteTable { RouteTable(domains: ["test"], changes: [.putSandbox(record)]) }

  @Test func publishedSandboxesAnswerOnExposedPortsOnly() {
    let table = table(record("a", .published, expose: [3000, 1024, 65535].map { Exposure(port: $0) }))
    for port in [1024, 3000, 65535] { #expect(decide(table, "\(port)-a.test") == "forward a:\(port)") }
    for port in [1, 80, 1023, 1025, 2999, 3001, 65534] {
      #expect(decide(table, "\(port)-a.test") == "404 route/not-found")
    }
  }

  @Test func publishedSandboxesWithoutExposuresAnswerNowhere() {
    let table = table(record("a", .published))
    #expect(decide(table, "3000-a.test") == "404 route/not-found")
  }

  @Test func privilegedPortsCantBePublished() {
    let table = table(record("a", .published, expose: [Exposure(port: 80), Exposure(port: 1023), Exposure(port: 0)]))
    #expect(decide(table, "80-a.test") == "404 route/not-found")
    #expect(decide(table, "1023-a.test") == "404 route/not-found")
  }

  @Test func openSandboxesAnswerOnAnyPort() {
    let table = table(record("a"))
    for port in [1, 22, 80, 1023, 1024, 8080, 65535] { #expect(decide(table, "\(port)-a.test") == "forward a:\(port)") }
  }

  @Test(arguments: Ingress.Mode.allCases)
  func anAllowlistLimitsEitherMode(mode: Ingress.Mode) {
    let exposures = [2000, 3000, 4000].map { Exposure(port: $0, host: .localhost) }
    let table = table(record("a", mode, allow: [0, 3000, 4000, 5000], expose: exposures))
    #expect(decide(table, "2000-a.test") == "404 route/not-found")
    #expect(decide(table, "3000-a.test") == "forward a:3000")
    #expect(decide(table, "5000-a.test") == (mode == .open ? "forward a:5000" : "404 route/not-found"))
    #expect(decide(table, "0-a.test") == "404 route/not-found")
  }

  @Test(arguments: Ingress.Mode.allCases)
  func anEmptyAllowlistAllowsNothing(mode: Ingress.Mode) {
    let table = table(record("a", mode, allow: [], expose: [Exposure(port: 3000)]))
    #expect(decide(table, "3000-a.test") == "404 route/not-found")
  }

  @Test func anAllowlistMayNameEveryPort() {
    let table = table(record("a", allow: Set(0...UInt16.max)))
    #expect(decide(table, "1-a.test") == "forward a:1")
    #expect(decide(table, "65535-a.test") == "forward a:65535")
  }

  @Test func exposuresSayHowAPortIsTreated() {
    let exposures = [
      Exposure(port: 3000, host: .localhost), Exposure(port: 50051, upstream: .h2c),
      Exposure(port: 4000, host: .fixed("app.internal"), upstream: .https), Exposure(port: 5000),
    ]
    let table = table(record("a", .open, expose: exposures))
    #expect(upstream(table, "3000-a.test")?.hostPolicy == .localhost)
    #expect(upstream(table, "50051-a.test")?.upstreamProtocol == .h2c)
    #expect(upstream(table, "4000-a.test")?.hostPolicy == .fixed("app.internal"))
    #expect(upstream(table, "9999-a.test")?.hostPolicy == .public)
    // Treated alike, one target: a million sandboxes with two ports each have a million targets.
    #expect(upstream(table, "5000-a.test") === upstream(table, "9999-a.test"))
  }

  @Test func theLastExposureOfAPortCounts() {
    let table = table(record("a", .published, expose: [Exposure(port: 3000), Exposure(port: 3000, host: .localhost)]))
    #expect(upstream(table, "3000-a.test")?.hostPolicy == .localhost)
  }

  @Test func targetsSayWhoseTheyAreAndHowToReachThem() throws {
    let record = record("a")
    let target = try #require(upstream(table(record), "8080-a.test"))
    #expect(target.generation == record.generation)
    #expect(target.sandboxID == "a")
    #expect(target.endpoint == .tcp(SocketAddress(ip: loopback, port: 0)))
    #expect(target.endpoint.resolved(port: 8080) == .tcp(SocketAddress(ip: loopback, port: 8080)))
    #expect(!target.isGateway)
  }

  @Test func aSocketPathNamesThePortThatWasAskedFor() throws {
    var record = record("a")
    record.address = .unix(template: "/run/{port}/of/{port}.sock")
    let target = try #require(upstream(table(record), "8080-a.test"))
    #expect(target.endpoint.resolved(port: 8080) == .unix(path: "/run/8080/of/8080.sock"))
    #expect(Endpoint.unix(path: "/run/fixed").resolved(port: 1) == .unix(path: "/run/fixed"))
    #expect(Endpoint.tcp(SocketAddress(ip: loopback, port: 5)).resolved(port: 1).description == "127.0.0.1:5")
  }
}

@Suite struct StateTests {
  static let refusals: [(SandboxState, String?)] = [
    (.creating, "503 lifecycle/starting"), (.running, nil), (.pausing, "503 lifecycle/paused"),
    (.paused, "503 lifecycle/paused"), (.hibernating, "503 lifecycle/paused"), (.hibernated, "503 lifecycle/paused"),
    (.resuming, "503 lifecycle/starting"), (.terminating, "410 lifecycle/terminated"),
    (.terminated, "410 lifecycle/terminated"), (.failed, "502 dial/unreachable"),
  ]

  @Test func everyStateHasAnAnswer() {
    #expect(Set(StateTests.refusals.map(\.0)) == Set(SandboxState.allCases))
  }

  @Test(arguments: refusals)
  func onlyExposedPortsTellTheState(state: SandboxState, refusal: String?) {
    let sandboxes: [SandboxRecord] = [
      record("a", .published, state: state, expose: [Exposure(port: 3000)]),
      record("b", .open, state: state), record("c", .open, state: state, allow: [3000]),
    ]
    let table = RouteTable(domains: ["test"], changes: sandboxes.map { .putSandbox($0) })
    for id in ["a", "b", "c"] { #expect(decide(table, "3000-\(id).test") == refusal ?? "forward \(id):3000") }
    // What has ended is gone on every port: its exposures went with it.
    let isOver = state == .terminated
    #expect(decide(table, "3001-a.test") == (isOver ? "410 lifecycle/terminated" : "404 route/not-found"))
    #expect(decide(table, "3001-b.test") == refusal ?? "forward b:3001")
    #expect(decide(table, "3001-c.test") == (isOver ? "410 lifecycle/terminated" : "404 route/not-found"))
  }
}

@Suite struct PortholePathTests {
  let table = RouteTable(
    domains: ["test"],
    changes: [
      .putSandbox(record("a", .published, expose: [Exposure(port: 3000)])), .putSandbox(record("p", state: .paused)),
      .putGateway(host: "app.test", gateway()),
    ])

  @Test(arguments: ["/.porthole/", "/.porthole", "/.porthole/auth?grant=x&next=/", "/.porthole?x", "/.porthole//"])
  func thePrefixIsOursOnEveryPreviewHost(target: String) {
    #expect(decide(table, "3000-a.test", target) == "porthole a:3000")
    #expect(decide(table, "3001-a.test", target) == "porthole -:3001")
    #expect(decide(table, "3000-nobody.test", target) == "porthole -:3000")
    #expect(decide(table, "3000-p.test", target) == "porthole p:3000")
  }

  @Test(arguments: [
    "", "/", "*", "/.", "/.porthol", "/.portholes", "/.porthole.", "/.porthole%2f", "/%2eporthole/", "/.Porthole/",
    "/.PORTHOLE", "//.porthole/", "/x/.porthole/", "/./.porthole/", "/.porthole\\", "/.porthole;x/", ".porthole/",
    "/?/.porthole/", "/.porthole#x",
  ])
  func otherPathsAreTheSandboxsOwn(target: String) {
    #expect(decide(table, "3000-a.test", target) == "forward a:3000")
  }

  @Test func onlyPreviewHostsReserveThePrefix() {
    #expect(decide(table, "app.test", "/.porthole/") == "forward gateway:3000")
    #expect(decide(table, "a.test", "/.porthole/") == "control")
    #expect(decide(table, "3000-A-.test", "/.porthole/") == "404 route/not-found")
    #expect(decide(table, "03000-a.test", "/.porthole/") == "404 route/not-found")
    #expect(decide(table, "3000-a.elsewhere", "/.porthole/") == "421 route/misdirected")
  }
}

@Suite struct GatewayTests {
  let table = RouteTable(
    domains: ["preview.test"],
    changes: [
      .putSandbox(record("a")),
      .putGateway(host: "App.Example.Test.", gateway(3001)), .putGateway(host: "*.example.test", gateway(3002)),
      .putGateway(host: "8080-a.preview.test", gateway(3003)), .putGateway(host: "*.preview.test", gateway(3004)),
      .putGateway(host: "api.preview.test", gateway(3005)), .putGateway(host: "[::1]", gateway(3006)),
      .putGateway(host: "single", gateway(3007)), .putGateway(host: "*.deep.example.test", gateway(3008)),
    ])

  @Test(arguments: [
    ("app.example.test", 3001), ("APP.example.test.:8443", 3001), ("other.example.test", 3002),
    ("8080-a.example.test", 3002), ("x.deep.example.test", 3008), ("deep.example.test", 3002), ("[::1]:8443", 3006),
    ("single", 3007), ("8080-a.preview.test", 3003), ("api.preview.test", 3005),
  ])
  func hostsLeadToTheirGateway(host: String, port: Int) {
    #expect(decide(table, host) == "forward gateway:\(port)")
  }

  @Test(arguments: ["example.test", "x.y.example.test", "app.example.tes", "xapp.example.test.evil", "other", "test"])
  func aWildcardStandsForOneLabel(host: String) {
    #expect(decide(table, host) == "421 route/misdirected")
  }

  @Test func aWildcardDoesNotTakePreviews() {
    #expect(decide(table, "8081-a.preview.test") == "forward a:8081")
    #expect(decide(table, "8081-b.preview.test") == "404 route/not-found")
    #expect(decide(table, "www.preview.test") == "control")
  }

  @Test(arguments: ["", "*", "*.", "*.*.test", "a b", "app.test:80", "http://app.test", "app.test/", "*.[::1]x"])
  func whatIsNoHostMatchesNothing(host: String) {
    let table = RouteTable(domains: [], changes: [.putGateway(host: host, gateway())])
    #expect(table.count == 0)
  }

  @Test func removedGatewaysAreGone() {
    let without = table.applying([.removeGateway(host: "APP.example.test"), .removeGateway(host: "*.Example.test.")])
    #expect(decide(without, "app.example.test") == "421 route/misdirected")
    #expect(without.count == table.count - 2)
    #expect(decide(without, "single") == "forward gateway:3007")
  }

  @Test func gatewaysAndSandboxesShareNoNames() {
    let table = RouteTable(domains: ["test"], changes: [.putGateway(host: "a", gateway()), .putSandbox(record("a"))])
    #expect(table.count == 2)
    #expect(decide(table.applying([.removeGateway(host: "a")]), "80-a.test") == "forward a:80")
    #expect(decide(table.applying([.removeSandbox(SandboxID("a")!)]), "a") == "forward gateway:3000")
  }
}
