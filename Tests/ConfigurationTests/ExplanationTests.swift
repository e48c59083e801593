import HTTP
import Router
import Sandbox
import Settings
import Testing

@testable import Configuration

@Suite struct ExplanationTests {
  static let configuration = try! load(
    minimal + """
      listen: {https: ["127.0.0.1:8443"], http: ["127.0.0.1:8080"]}
      runner:
        sandboxes:
          - {id: demo, ports: [3000, {port: 8888, name: jupyter, host: localhost}]}
          - {id: bench, ingress: {mode: open, allowPorts: [9000]}}
      routes:
        - {host: app.example.test, upstream: "http://127.0.0.1:3000"}
        - {host: "*.example.test", upstream: "http://127.0.0.1:3001", hostHeader: upstream}
      """)

  @Test(arguments: [
    (
      "https://3000-demo.preview.localhost:8443/", nil, "upstream", "http to 127.0.0.1:3000, Host as the client sent it"
    ),
    ("3000-DEMO.Preview.Localhost.:8443/a?b", nil, "upstream", "http to 127.0.0.1:3000, Host as the client sent it"),
    ("https://8888-demo.preview.localhost:8443/", nil, "upstream", "http to 127.0.0.1:8888, Host: localhost:<port>"),
    ("https://9000-bench.preview.localhost/", nil, "upstream", "http to 127.0.0.1:9000, Host as the client sent it"),
    (
      "https://9001-bench.preview.localhost/", "route/not-found", "port",
      "9001 is not in the sandbox's ingress.allowPorts"
    ),
    (
      "https://3001-demo.preview.localhost/", "route/not-found", "port",
      "3001 is not exposed; add it to the sandbox's ports, or use ingress: {mode: open}"
    ),
    (
      "https://3000-demmo.preview.localhost/", "route/not-found", "sandbox",
      "no sandbox is called demmo; did you mean demo?"
    ),
    (
      "https://03000-demo.preview.localhost/", "route/not-found", "host",
      "\"03000-demo\" is not <port>-<id>, with a port of 1 to 65535 without leading zero"
    ),
    (
      "https://demo.preview.localhost/", nil, "host",
      "the runtime API of a sandbox of this name, if there is one"
    ),
    (
      "https://api.preview.localhost/", nil, "host",
      "the control API"
    ),
    (
      "https://preview.localhost/", "route/not-found", "host",
      "previews are exactly one label below the domain: <port>-<id>.preview.localhost"
    ),
    (
      "https://a.3000-demo.preview.localhost/", "route/not-found", "host",
      "previews are exactly one label below the domain: <port>-<id>.preview.localhost"
    ),
    (
      "https://other.test/", "route/misdirected", "host",
      "other.test is none of *.preview.localhost, app.example.test, *.example.test"
    ),
    (
      "https://app.example.test/", nil, "upstream",
      "http://127.0.0.1:3000 at 127.0.0.1:3000, Host as the client sent it"
    ),
    ("https://x.example.test/", nil, "upstream", "http://127.0.0.1:3001 at 127.0.0.1:3001, Host: 127.0.0.1:3001"),
    (
      "https://3000-demo.preview.localhost/.porthole/auth", nil, "path",
      "paths below /.porthole/ are answered by Porthole and never reach the sandbox"
    ),
    ("ftp://x/", "request/bad-target", "url", "not a URL of the form https://host[:port]/path"),
    ("https://user@x/", "request/bad-target", "url", "not a URL of the form https://host[:port]/path"),
  ]) func theLastStepSaysWhy(_ url: String, error: String?, step: String, detail: String) {
    let explanation = Explanation(url: url, configuration: Self.configuration)
    #expect(explanation.answer?.error == error)
    #expect(explanation.steps.last?.name == step)
    #expect(explanation.steps.last?.detail == detail)
  }

  @Test func plainHTTPIsRedirected() {
    let explanation = Explanation(url: "http://3000-demo.preview.localhost:8080/", configuration: Self.configuration)
    #expect(explanation.answer == .init(status: 301, error: nil))
  }

  @Test func aForeignPortIsOnlyANote() {
    let explanation = Explanation(url: "https://3000-demo.preview.localhost/", configuration: Self.configuration)
    #expect(explanation.steps.first?.outcome == .note)
    #expect(explanation.isForwarded)
  }

  /// The router decides and this only explains: the two have to say the same of every URL.
  @Test(arguments: [
    "3000-demo.preview.localhost/", "8888-demo.preview.localhost/", "3001-demo.preview.localhost/",
    "9000-bench.preview.localhost/", "9001-bench.preview.localhost/", "3000-gone.preview.localhost/",
    "03000-demo.preview.localhost/", "70000-demo.preview.localhost/", "-demo.preview.localhost/",
    "3000-.preview.localhost/", "3000-1demo.preview.localhost/", "demo.preview.localhost/", "api.preview.localhost/",
    "preview.localhost/", "a.b.preview.localhost/", "app.example.test/", "x.example.test/", "x.y.example.test/",
    "example.test/", "other.test/", "3000-DEMO.preview.localhost/.porthole/auth",
    "3001-gone.preview.localhost/.porthole",
    "3000-1demo.preview.localhost/.porthole/", "3000-demo.preview.localhost/.portholes",
  ]) func itAgreesWithTheRouter(_ url: String) throws {
    let sandboxes = Self.configuration.runner.sandboxes.map {
      RouteChange.putSandbox(
        SandboxRecord(
          id: $0.id, generation: Generation.next(), address: $0.address, ingress: $0.ingress, exposures: $0.exposures))
    }
    let routes = Self.configuration.routes.map { route in
      RouteChange.putGateway(
        host: route.host.description,
        UpstreamTarget(
          generation: Generation.next(), sandboxID: "", endpoint: route.upstream.endpoint, hostPolicy: route.hostHeader,
          upstreamProtocol: route.upstream.upstreamProtocol, tlsServerName: "", isGateway: true))
    }
    let table = RouteTable(
      domains: Self.configuration.domains, changes: sandboxes + routes)
    let slash = try #require(url.firstIndex(of: "/"))
    var (host, path) = (String(url[..<slash]), String(url[slash...]))
    let explanation = Explanation(url: url, configuration: Self.configuration)
    host.withUTF8 { authority in
      path.withUTF8 { target in
        switch table.decide(authority: authority, target: target) {
        case .forward: #expect(explanation.answer == nil)
        case .porthole, .control: #expect(explanation.answer == .own)
        case .guarded: Issue.record("nothing in this configuration asks for a credential")
        case .refuse(let refusal):
          #expect(explanation.answer == .init(status: Int(refusal.status), error: "\(refusal.word)"))
        }
      }
    }
  }
}
