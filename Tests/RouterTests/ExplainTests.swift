import Bytes
import Sandbox
import Testing

@testable import Router

@Suite struct ExplainTests {
  let table = RouteTable(
    domains: ["preview.test", "other.test"],
    changes: [
      .putSandbox(
        SandboxRecord(
          id: SandboxID("bench")!, generation: 7, address: .ip(loopback), ingress: Ingress(mode: .published),
          exposures: [Exposure(port: 8080, host: .localhost), Exposure(port: 3000, upstream: .h2c)])),
      .putSandbox(record("open", .open, state: .paused, allow: [80])),
      .putGateway(
        host: "*.example.test",
        UpstreamTarget(
          generation: 9, sandboxID: "", endpoint: .tcp(SocketAddress(ip: loopback, port: 443)),
          upstreamProtocol: .https,
          tlsServerName: "inner.test", isGateway: true)),
    ])

  @Test func aWorkingPreviewIsExplainedStageByStage() {
    #expect(
      table.explain(host: "8080-BENCH.preview.test:8443", path: "/x") == [
        "host      8080-bench.preview.test",
        "domain    preview.test",
        "port      8080",
        "id        bench",
        "sandbox   known",
        "state     running",
        "ingress   published: exposed ports answer",
        "exposure  port 8080 is exposed",
        "endpoint  127.0.0.1:8080 by http, Host localhost, generation 7",
        "decision  forward",
      ])
  }

  @Test(arguments: [
    ("8081-bench.preview.test", "exposure  port 8081 is not exposed, or not allowed; ports that answer: 3000, 8080"),
    ("8081-bench.preview.test", "decision  refuse: 404 route/not-found"),
    ("3000-bench.preview.test", "endpoint  127.0.0.1:3000 by h2c, Host as the client sent it, generation 7"),
    ("80-open.preview.test", "state     paused, so requests get lifecycle/paused"),
    ("80-open.preview.test", "ingress   open: ports 80 answer"),
    ("80-open.preview.test", "exposure  none needed"),
    ("80-open.preview.test", "decision  refuse: 503 lifecycle/paused"),
    ("81-open.preview.test", "exposure  port 81 is not among the allowed ports"),
    ("80-nobody.preview.test", "sandbox   none of this id"),
    ("80-nobody-.preview.test", "sandbox   no id: [a-z][a-z0-9-]{0,56}, not ending in -"),
    ("bench.preview.test", "route     reserved for Porthole's own interfaces; nothing is behind it yet"),
    ("a.b.preview.test", "domain    within a configured domain, but not <port>-<id>.<domain>"),
    ("elsewhere.test", "domain    in none of: preview.test, other.test"),
    ("elsewhere.test", "decision  refuse: 421 route/misdirected"),
    ("x.example.test", "route     gateway *.example.test"),
    (
      "x.example.test",
      "endpoint  127.0.0.1:443 by https, Host as the client sent it, generation 9, certificate for inner.test"
    ),
    ("x y", "host      not a host name with at most a port"),
    ("x y", "decision  refuse: 400 request/bad-host"),
  ])
  func eachFailureHasItsLine(host: String, line: String) {
    #expect(table.explain(host: host, path: "/").contains(line))
  }

  @Test func ourOwnPathIsSaidToBeOurs() {
    #expect(
      table.explain(host: "1-bench.preview.test", path: "/.porthole/auth").last
        == "decision  answered by Porthole itself: /.porthole is never forwarded")
  }
}
