import Bytes
import Sandbox
import Settings
import Testing

@testable import Configuration

@Suite struct LoadTests {
  @Test func theContractExampleLoadsUnchanged() throws {
    let folder = TemporaryFolder()
    let configuration = try load(
      """
      domains: [preview.localhost]
      listen:
        https: ["127.0.0.1:8443"]
        http: ["127.0.0.1:8080"]        # optional: redirects to https
        api: "127.0.0.1:8440"           # control API and dashboard
        proxyProtocol: false            # accept PROXY v1/v2 from trusted peers
      workers: 1                        # event loops; default: one per core
      tls:
        - certificate: cert.pem         # PEM chain; several entries, chosen by SNI; reloaded on SIGHUP and on change
          key: key.pem
      store: porthole.db                # SQLite file (default) or ":memory:"
      runner:
        kind: static                    # or kvm
        sandboxes:                      # static runner: addresses that already exist
          - id: bench
            address: 127.0.0.1
            ingress: {mode: open}
      routes:                           # gateway: a plain host to an upstream, no sandbox involved
        - host: app.example.test
          upstream: http://127.0.0.1:3000
      """, in: folder)

    let expected = Configuration(
      domains: ["preview.localhost"],
      listen: .init(
        https: [.init(address: SocketAddress("127.0.0.1:8443")!)], http: [SocketAddress("127.0.0.1:8080")!],
        api: SocketAddress("127.0.0.1:8440")!),
      workers: 1,
      tls: [.init(certificate: "\(folder.path)/cert.pem", key: "\(folder.path)/key.pem")],
      store: .file(path: "\(folder.path)/porthole.db"),
      runner: .init(
        options: RunnerOptions([
          "sandboxes": [["id": "bench", "address": "127.0.0.1", "ingress": ["mode": "open"]]]
        ]),
        sandboxes: [
          .init(id: SandboxID("bench")!, address: .ip(IPAddress("127.0.0.1")!), ingress: Ingress(mode: .open))
        ]),
      routes: [
        .init(
          host: .exact("app.example.test"),
          upstream: .init(
            url: "http://127.0.0.1:3000", upstreamProtocol: .http1, host: "127.0.0.1", authority: "127.0.0.1:3000",
            endpoint: .tcp(SocketAddress("127.0.0.1:3000")!)))
      ])
    #expect(configuration == expected)
  }

  @Test func absentKeysMeanTheDocumentedDefaults() throws {
    let configuration = try load(minimal)
    #expect(configuration.listen == Configuration.Listen())
    #expect(configuration.listen.https.map(\.address.description) == ["127.0.0.1:8443"])
    #expect(configuration.listen.api == nil)
    #expect(configuration.workers >= 1)
    #expect(configuration.tlsOptions == Configuration.TLSOptions())
    #expect(configuration.limits == Configuration.Limits())
    #expect(configuration.timeouts == Configuration.Timeouts())
    #expect(configuration.log == Configuration.Log())
    #expect(configuration.runner == Configuration.Runner())
    #expect(configuration.routes.isEmpty)
  }

  @Test func aKeyWithNothingBehindItIsAbsent() throws {
    #expect(try load(minimal + "workers:\nroutes:\n  # - host: later\nlog:\n").routes.isEmpty)
  }

  @Test func everythingCanComeFromTheEnvironment() throws {
    let folder = TemporaryFolder()
    let configuration = try load(
      nil,
      [
        "PORTHOLE_DOMAINS": "preview.localhost, other.test",
        "PORTHOLE_TLS": "[{certificate: \(folder.path)/cert.pem, key: \(folder.path)/key.pem}]",
        "PORTHOLE_STORE": ":memory:",
      ], in: folder)
    #expect(configuration.domains == ["preview.localhost", "other.test"])
    #expect(configuration.store == .memory)
  }

  @Test func developmentCertificatesAreUsedWhereTLSIsAbsent() throws {
    let folder = TemporaryFolder(files: ["certs/dev/cert.pem", "certs/dev/key.pem"])
    let configuration = try load("domains: [preview.localhost]", in: folder)
    #expect(
      configuration.tls == [
        .init(certificate: "\(folder.path)/certs/dev/cert.pem", key: "\(folder.path)/certs/dev/key.pem")
      ])
  }

  @Test func absentTLSWithoutDevelopmentCertificatesSaysHowToMakeThem() {
    let found = problems("domains: [preview.localhost]")
    #expect(found.count == 1)
    #expect(found[0].hasPrefix("porthole.yaml:1:1: tls: required: "))
    #expect(found[0].contains("run `porthole certs dev`"))
  }

  @Test func relativePathsStartAtTheFilesFolder() throws {
    let folder = TemporaryFolder(files: ["cert.pem", "key.pem", "tls/ca.pem", "tls/ocsp.der"])
    let configuration = try load(
      """
      domains: [preview.localhost]
      listen: {https: [{address: ":443", clientCA: ./tls/ca.pem}]}
      tls: [{certificate: cert.pem, key: \(folder.path)/key.pem, ocsp: tls/ocsp.der}]
      store: tls/state.db
      log: {access: json, accessFile: access.log}
      """, in: folder)
    #expect(configuration.listen.https[0].clientCertificates == .init(caFile: "\(folder.path)/tls/ca.pem"))
    #expect(configuration.tls[0].ocsp == "\(folder.path)/tls/ocsp.der")
    #expect(configuration.store == .file(path: "\(folder.path)/tls/state.db"))
    #expect(configuration.log.accessFile == .path("\(folder.path)/access.log"))
  }

  @Test func allProblemsAreReportedInTheOrderOfTheFile() {
    let found = problems(
      """
      workers: 0
      domians: [preview.localhost]
      listen:
        https: [nowhere]
      """)
    #expect(
      found.map { $0.prefix { $0 != " " } } == [
        "porthole.yaml:1:1:", "porthole.yaml:1:1:", "porthole.yaml:1:10:", "porthole.yaml:2:1:", "porthole.yaml:4:11:",
      ])
  }

  @Test(arguments: [
    ("missing.yaml", nil, "missing.yaml: cannot read the configuration file: there is no such file"),
    ("a: [", "a: [", "porthole.yaml:2:1: not valid YAML: did not find expected node content"),
    ("list", "- a\n", "porthole.yaml:1:1: expected keys such as \"domains: [preview.localhost]\", found a list"),
    ("scalar", "hello", "porthole.yaml:1:1: expected keys such as \"domains: [preview.localhost]\", found \"hello\""),
    ("duplicate", "workers: 1\nworkers: 2\n", "the key \"workers\" is given twice"),
    ("tab", "listen:\n\thttps: []\n", "not valid YAML"),
    ("two documents", "workers: 1\n---\nworkers: 2\n", "not valid YAML"),
  ]) func aFileThatIsNoYAMLSaysWhere(_ why: String, yaml: String?, message: String) {
    let folder = TemporaryFolder()
    if let yaml {
      let found = problems(yaml, in: folder)
      #expect(found.count == 1)
      #expect(found.first?.contains(message) == true, "\(found)")
    } else {
      #expect(throws: ConfigurationError.self) {
        try Configuration.load(path: "\(folder.path)/\(why)", environment: [:], runners: runners)
      }
    }
  }

  @Test func anEmptyFileIsMissingItsDomains() {
    #expect(problems("# nothing\n").first?.hasPrefix("porthole.yaml:1:1: domains: required") == true)
  }

  @Test func onlyWhatIsBoundAtStartNeedsARestart() throws {
    let running = try load(minimal)
    var next = running
    next.log.level = .debug
    next.domains = ["other.test"]
    #expect(next.restartNeeded(comparedTo: running) == [])
    next.workers += 1
    next.store = .memory
    next.listen.api = SocketAddress("127.0.0.1:1")
    next.listen.trustedProxies = [CIDR("10.0.0.0/8")!]
    next.log.access = .json
    #expect(
      next.restartNeeded(comparedTo: running) == [
        "workers", "store", "listen.api", "listen.trustedProxies", "log.access",
      ])
  }
}
