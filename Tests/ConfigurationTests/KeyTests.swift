import Bytes
import Sandbox
import Settings
import Testing

@testable import Configuration

/// Every key: what it takes, what it refuses, and the exact words of the refusal.
@Suite struct KeyTests {
  /// The line under test is the third of the file.
  @Test(arguments: refusals) func refuses(_ line: String, message: String) {
    let found = problems(minimal + line, in: TemporaryFolder())
    #expect(found == ["porthole.yaml:3:\(message)"])
  }

  static let refusals: [(String, String)] = [
    // workers
    ("workers: lots", "10: workers: expected a whole number from 1 to 1024, found \"lots\""),
    ("workers: 0", "10: workers: expected a whole number from 1 to 1024, found 0"),
    ("workers: 1025", "10: workers: expected a whole number from 1 to 1024, found 1025"),
    ("workers: -1", "10: workers: expected a whole number from 1 to 1024, found -1"),
    ("workers: 1.5", "10: workers: expected a whole number from 1 to 1024, found 1.5"),
    ("workers: \"2\"", "10: workers: expected a whole number from 1 to 1024, found \"2\""),
    ("workers: [1]", "10: workers: expected a whole number from 1 to 1024, found a list"),
    ("workers: {a: 1}", "10: workers: expected a whole number from 1 to 1024, found a mapping"),
    ("workers: true", "10: workers: expected a whole number from 1 to 1024, found true"),
    // unknown keys
    ("worker: 1", "1: worker: unknown key; did you mean \"workers\"?"),
    ("route: []", "1: route: unknown key; did you mean \"routes\"?"),
    ("tls_options: {}", "1: tls_options: unknown key; did you mean \"tlsOptions\"?"),
    ("listen: {htps: []}", "10: listen.htps: unknown key; did you mean \"https\"?"),
    ("log: {colour: true}", "7: log.colour: unknown key; expected one of level, access, accessFile"),
    (
      "<<: {}",
      "1: <<: unknown key; expected one of domains, listen, workers, tls, tlsOptions, store, runner, routes, limits, timeouts, log"
    ),
    // listen
    ("listen: 8443", "9: listen: expected a mapping such as {https: [\"127.0.0.1:8443\"]}, found 8443"),
    (
      "listen: {https: \"127.0.0.1:8443\"}",
      "17: listen.https: expected a list such as [\"127.0.0.1:8443\"], found \"127.0.0.1:8443\""
    ),
    (
      "listen: {https: []}",
      "17: listen.https: expected at least one address such as [\"127.0.0.1:8443\"], found a list"
    ),
    (
      "listen: {https: [8443]}",
      "18: listen.https[0]: expected an address and port such as \"127.0.0.1:8443\", \"[::1]:8443\" or \":8443\", found 8443"
    ),
    (
      "listen: {https: [\"127.0.0.1:99999\"]}",
      "18: listen.https[0]: expected an address and port such as \"127.0.0.1:8443\", \"[::1]:8443\" or \":8443\", found \"127.0.0.1:99999\""
    ),
    (
      "listen: {https: [\"example.test:443\"]}",
      "18: listen.https[0]: expected an address and port such as \"127.0.0.1:8443\", \"[::1]:8443\" or \":8443\", found \"example.test:443\""
    ),
    (
      "listen: {https: [\"127.0.0.1:1\", \"127.0.0.1:1\"]}",
      "33: listen.https[1]: 127.0.0.1:1 is already taken by listen.https[0]"
    ),
    (
      "listen: {api: \"127.0.0.1:8443\", https: [\"127.0.0.1:8443\"]}",
      "15: listen.api: 127.0.0.1:8443 is already taken by listen.https[0]"
    ),
    (
      "listen: {http: [\"127.0.0.1:80\"], api: \"127.0.0.1:80\"}",
      "39: listen.api: 127.0.0.1:80 is already taken by listen.http[0]"
    ),
    (
      "listen: {https: [{address: \":443\", clientAuth: require}]}",
      "18: listen.https[0].clientCA: required: clientAuth needs the authority that signs client certificates"
    ),
    (
      "listen: {https: [{address: \":443\", clientCA: cert.pem, clientAuth: maybe}]}",
      "68: listen.https[0].clientAuth: expected require or optional, found \"maybe\""
    ),
    (
      "listen: {https: [{address: \":443\", clientCA: gone.pem}]}",
      "46: listen.https[0].clientCA: cannot read the client certificate authority at gone.pem: there is no such file"
    ),
    ("listen: {proxyProtocol: 1}", "25: listen.proxyProtocol: expected true or false, found 1"),
    ("listen: {proxyProtocol: \"true\"}", "25: listen.proxyProtocol: expected true or false, found \"true\""),
    (
      "listen: {trustedProxies: [10.0.0.0/33]}",
      "27: listen.trustedProxies[0]: expected an address or a block such as 10.0.0.0/8 or 2001:db8::/32, found \"10.0.0.0/33\""
    ),
    (
      "listen: {proxyProtocol: true, trustedProxies: []}",
      "47: listen.trustedProxies: proxyProtocol is on, but nobody is trusted to speak it; list the load balancer's addresses, such as [10.0.0.0/8]"
    ),
    // tlsOptions
    ("tlsOptions: {minVersion: 1.1}", "26: tlsOptions.minVersion: expected 1.2 or 1.3, found 1.1"),
    (
      "tlsOptions: {ciphers: 7}",
      "23: tlsOptions.ciphers: expected TLS 1.2 cipher suites in OpenSSL's notation, found 7"
    ),
    (
      "tlsOptions: {ticketRotation: 1s}",
      "30: tlsOptions.ticketRotation: expected a duration from 60s to 7d (seconds, or text such as 500ms, 10s, 2m), found \"1s\""
    ),
    (
      "tlsOptions: {hsts: on}",
      "20: tlsOptions.hsts: expected a duration from 0ms to 3650d (seconds, or text such as 500ms, 10s, 2m), found \"on\""
    ),
    (
      "tlsOptions: {hsts: {preload: false}}",
      "20: tlsOptions.hsts.maxAge: required: a duration such as 365d, or seconds"
    ),
    (
      "tlsOptions: {hsts: {maxAge: 1d, includeSubDomains: true, preload: true}}",
      "67: tlsOptions.hsts.preload: preload lists ask for includeSubDomains: true and a maxAge of at least 365d"
    ),
    // store
    ("store: 7", "8: store: expected the path of a SQLite file, or \":memory:\", found 7"),
    ("store: gone/porthole.db", "8: store: the folder gone does not exist; make it, or choose another path"),
    // runner
    ("runner: static", "9: runner: expected a mapping such as {kind: static}, found \"static\""),
    ("runner: {kind: kvm}", "16: runner.kind: kvm is not in this build yet; use static"),
    ("runner: {kind: docker}", "16: runner.kind: expected static, found \"docker\""),
    (
      "runner: {sandboxes: {id: a}}",
      "21: runner.sandboxes: expected a list such as [{id: demo, ports: [3000]}], found a mapping"
    ),
    (
      "runner: {sandboxes: [demo]}",
      "22: runner.sandboxes[0]: expected a mapping such as {id: demo, ports: [3000]}, found \"demo\""
    ),
    (
      "runner: {sandboxes: [{address: 127.0.0.1}]}",
      "22: runner.sandboxes[0].id: required: an id of a-z, 0-9 and -, beginning with a letter, not ending in -, at most 57 long"
    ),
    (
      "runner: {sandboxes: [{id: Bench}]}",
      "27: runner.sandboxes[0].id: expected an id of a-z, 0-9 and -, beginning with a letter, not ending in -, at most 57 long, found \"Bench\""
    ),
    (
      "runner: {sandboxes: [{id: api}]}",
      "27: runner.sandboxes[0].id: api.<domain> is the control API's own host; choose another id"
    ),
    ("runner: {sandboxes: [{id: a}, {id: a}]}", "36: runner.sandboxes[1].id: the sandbox a is listed twice"),
    (
      "runner: {sandboxes: [{id: a, address: host.example.test}]}",
      "39: runner.sandboxes[0].address: expected an IP address such as 127.0.0.1 or ::1, or localhost; ports go under ports, found \"host.example.test\""
    ),
    (
      "runner: {sandboxes: [{id: a, ingress: open}]}",
      "39: runner.sandboxes[0].ingress: expected a mapping such as {mode: open}, found \"open\""
    ),
    (
      "runner: {sandboxes: [{id: a, ingress: {mode: opne}}]}",
      "46: runner.sandboxes[0].ingress.mode: expected published or open, found \"opne\"; did you mean \"open\"?"
    ),
    (
      "runner: {sandboxes: [{id: a, ingress: {allowPorts: [0]}}]}",
      "53: runner.sandboxes[0].ingress.allowPorts[0]: expected a port from 1 to 65535, found 0"
    ),
    (
      "runner: {sandboxes: [{id: a, ingress: {allowPorts: [80, 80]}}]}",
      "57: runner.sandboxes[0].ingress.allowPorts[1]: the port 80 is listed twice"
    ),
    (
      "runner: {sandboxes: [{id: a, ports: 80}]}",
      "37: runner.sandboxes[0].ports: expected a list such as [3000, {port: 8888, name: jupyter}], found 80"
    ),
    (
      "runner: {sandboxes: [{id: a, ports: [http]}]}",
      "38: runner.sandboxes[0].ports[0]: expected a port from 1 to 65535, found \"http\""
    ),
    (
      "runner: {sandboxes: [{id: a, ports: [80]}]}",
      "38: runner.sandboxes[0].ports[0]: expected a port from 1024 to 65535 (lower ones cannot be exposed), found 80"
    ),
    (
      "runner: {sandboxes: [{id: a, ports: [3000, {port: 3000}]}]}",
      "51: runner.sandboxes[0].ports[1].port: the port 3000 is exposed twice"
    ),
    (
      "runner: {sandboxes: [{id: a, ports: [{name: x}]}]}",
      "38: runner.sandboxes[0].ports[0].port: expected a port from 1 to 65535, found nothing"
    ),
    (
      "runner: {sandboxes: [{id: a, ports: [{port: 3000, protocol: h2}]}]}",
      "61: runner.sandboxes[0].ports[0].protocol: expected http, h2c or https, found \"h2\"; did you mean \"h2c\"?"
    ),
    (
      "runner: {sandboxes: [{id: a, ports: [{port: 3000, host: \"a b\"}]}]}",
      "57: runner.sandboxes[0].ports[0].host: expected public, localhost or a fixed host such as app.internal, found \"a b\""
    ),
    (
      "runner: {sandboxes: [{id: a, ports: [{port: 3000, auth: tokn}]}]}",
      "57: runner.sandboxes[0].ports[0].auth: expected none or token, found \"tokn\"; did you mean \"token\"?"
    ),
    (
      "runner: {sandboxes: [{id: a, ports: [{port: 3000, allowIPs: 10.0.0.0/8}]}]}",
      "61: runner.sandboxes[0].ports[0].allowIPs: expected a list such as [203.0.113.0/24], found \"10.0.0.0/8\""
    ),
    (
      "runner: {sandboxes: [{id: a, ports: [{port: 3000, allowIPs: [10.0.0.0/33]}]}]}",
      "62: runner.sandboxes[0].ports[0].allowIPs[0]: expected an address or a block such as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32, found \"10.0.0.0/33\""
    ),
    (
      "runner: {sandboxes: [{id: a, ports: [{port: 3000, allowIPs: [10.1.2.3/8, 10.0.0.0/8]}]}]}",
      "74: runner.sandboxes[0].ports[0].allowIPs[1]: 10.0.0.0/8 is listed twice"
    ),
    (
      "runner: {sandboxes: [{id: a, ports: [{port: 3000, allowIPs: []}]}]}",
      "61: runner.sandboxes[0].ports[0].allowIPs: an empty list limits nothing; leave the key out, or name networks"
    ),
    (
      "runner: {sandboxes: [{id: a, ports: [{port: 3000, embedOrigins: [\"https://a.test/\"]}]}]}",
      "66: runner.sandboxes[0].ports[0].embedOrigins[0]: expected an origin such as https://app.example.com or http://localhost:3000, without a path, found \"https://a.test/\""
    ),
    (
      "runner: {sandboxes: [{id: a, ports: [{port: 3000, embedOrigins: [\"*\"]}]}]}",
      "66: runner.sandboxes[0].ports[0].embedOrigins[0]: expected an origin such as https://app.example.com or http://localhost:3000, without a path, found \"*\""
    ),
    (
      "runner: {sandboxes: [{id: a, ports: [{port: 3000, embedOrigins: [\"https://A.test\", \"https://a.test:443\"]}]}]}",
      "84: runner.sandboxes[0].ports[0].embedOrigins[1]: https://a.test is listed twice"
    ),
    (
      "runner: {sandboxes: [{id: a, ports: [{port: 3000, wake: 1}]}]}",
      "57: runner.sandboxes[0].ports[0].wake: expected true or false, found 1"
    ),
    (
      "runner: {sandboxes: [{id: a, ports: [{port: 3000, keepAlive: never}]}]}",
      "62: runner.sandboxes[0].ports[0].keepAlive: expected true or false, found \"never\""
    ),
    (
      "runner: {sandboxes: [{id: a, ports: [{port: 3000, embedOrigin: x}]}]}",
      "51: runner.sandboxes[0].ports[0].embedOrigin: unknown key; did you mean \"embedOrigins\"?"
    ),
    (
      "runner: {sandboxes: [{id: a, ingress: {wake: true}}]}",
      "46: runner.sandboxes[0].ingress.wake: only means something where mode is open; say wake at each of the ports"
    ),
    (
      "runner: {sandboxes: [{id: a, ports: [3000], ingress: {allowPorts: [4000]}}]}",
      "38: runner.sandboxes[0].ports[0]: the port 3000 is exposed, but ingress.allowPorts does not have it, so it would never answer"
    ),
    // routes
    (
      "routes: [app]",
      "10: routes[0]: expected a mapping such as {host: app.example.test, upstream: \"http://127.0.0.1:3000\"}, found \"app\""
    ),
    (
      "routes: [{upstream: \"http://127.0.0.1\"}]",
      "10: routes[0].host: required: a host such as app.example.test or *.example.test, without a port"
    ),
    (
      "routes: [{host: a.test}]",
      "10: routes[0].upstream: required: a URL such as http://127.0.0.1:3000, https://app.internal:8443 or h2c://127.0.0.1:50051, without a path"
    ),
    (
      "routes: [{host: \"a.test:80\", upstream: \"http://127.0.0.1\"}]",
      "17: routes[0].host: expected a host such as app.example.test or *.example.test, without a port, found \"a.test:80\""
    ),
    (
      "routes: [{host: \"a.*.test\", upstream: \"http://127.0.0.1\"}]",
      "17: routes[0].host: expected a host such as app.example.test or *.example.test, without a port, found \"a.*.test\""
    ),
    (
      "routes: [{host: a.test, upstream: \"http://127.0.0.1:1/path\"}]",
      "35: routes[0].upstream: expected a URL such as http://127.0.0.1:3000, https://app.internal:8443 or h2c://127.0.0.1:50051, without a path, found \"http://127.0.0.1:1/path\""
    ),
    (
      "routes: [{host: a.test, upstream: \"ftp://127.0.0.1:1\"}]",
      "35: routes[0].upstream: expected a URL such as http://127.0.0.1:3000, https://app.internal:8443 or h2c://127.0.0.1:50051, without a path, found \"ftp://127.0.0.1:1\""
    ),
    (
      "routes: [{host: a.test, upstream: \"h2c://127.0.0.1\"}]",
      "35: routes[0].upstream: expected a URL such as http://127.0.0.1:3000, https://app.internal:8443 or h2c://127.0.0.1:50051, without a path, found \"h2c://127.0.0.1\""
    ),
    (
      "routes: [{host: a.test, upstream: \"http://gone.internal\"}]",
      "35: routes[0].upstream: the name gone.internal cannot be resolved: unknown in tests"
    ),
    (
      "routes: [{host: a.test, upstream: \"http://127.0.0.1\", insecureSkipVerify: true}]",
      "75: routes[0].insecureSkipVerify: only means something where upstream is https://"
    ),
    (
      "routes: [{host: a.test, upstream: \"https://127.0.0.1\", insecureSkipVerify: true, caFile: cert.pem}]",
      "76: routes[0].insecureSkipVerify: true makes caFile pointless; give one of them"
    ),
    (
      "routes: [{host: a.test, upstream: \"http://127.0.0.1\"}, {host: A.test., upstream: \"http://127.0.0.1\"}]",
      "63: routes[1].host: the host a.test has two routes"
    ),
    (
      "routes: [{host: api.preview.localhost, upstream: \"http://127.0.0.1\"}]",
      "17: routes[0].host: api.preview.localhost belongs to Porthole because preview.localhost is one of its domains; choose another host"
    ),
    (
      "routes: [{host: \"*.preview.localhost\", upstream: \"http://127.0.0.1\"}]",
      "17: routes[0].host: *.preview.localhost belongs to Porthole because preview.localhost is one of its domains; choose another host"
    ),
    (
      "routes: [{host: a.test, upstream: \"http://127.0.0.1\", hostHeader: \"a/b\"}]",
      "67: routes[0].hostHeader: expected public, upstream or a fixed host such as app.internal, found \"a/b\""
    ),
    // limits
    (
      "limits: {headBytes: 1023}",
      "21: limits.headBytes: expected a number of bytes from 1024 to 1048576 (or text such as 64KiB, 10MiB), found 1023"
    ),
    (
      "limits: {headBytes: 64kb}",
      "21: limits.headBytes: expected a number of bytes from 1024 to 1048576 (or text such as 64KiB, 10MiB), found \"64kb\""
    ),
    ("limits: {headFields: 0}", "22: limits.headFields: expected a whole number from 1 to 1024, found 0"),
    (
      "limits: {headBytes: 8KiB, requestLineBytes: 9KiB}",
      "45: limits.requestLineBytes: 9216 is more than limits.headBytes (8192), of which it is a part"
    ),
    (
      "limits: {bodyBytes: -1}",
      "21: limits.bodyBytes: expected a number of bytes from 0 to 1125899906842624 (or text such as 64KiB, 10MiB), found -1"
    ),
    (
      "limits: {streamsPerConnection: 0}",
      "32: limits.streamsPerConnection: expected a whole number from 1 to 10000, found 0"
    ),
    (
      "limits: {connections: many}",
      "23: limits.connections: expected a whole number from 0 to 10000000, found \"many\""
    ),
    (
      "limits: {idleUpstreamPerKey: -1}",
      "30: limits.idleUpstreamPerKey: expected a whole number from 0 to 65536, found -1"
    ),
    ("limits: {idleUpstream: x}", "24: limits.idleUpstream: expected a whole number from 0 to 1048576, found \"x\""),
    // timeouts
    ("timeouts: 10", "11: timeouts: expected a mapping such as {requestHead: 10s}, found 10"),
    (
      "timeouts: {requestHead: soon}",
      "25: timeouts.requestHead: expected a duration from 100ms to 1h (seconds, or text such as 500ms, 10s, 2m), found \"soon\""
    ),
    (
      "timeouts: {requestHead: 0}",
      "25: timeouts.requestHead: expected a duration from 100ms to 1h (seconds, or text such as 500ms, 10s, 2m), found 0"
    ),
    (
      "timeouts: {dial: off}",
      "18: timeouts.dial: expected a duration from 10ms to 1h (seconds, or text such as 500ms, 10s, 2m), found \"off\""
    ),
    (
      "timeouts: {drain: -1}",
      "19: timeouts.drain: expected a duration from 0ms to 1d (seconds, or text such as 500ms, 10s, 2m), found -1"
    ),
    ("timeouts: {requestHeadMs: 10}", "12: timeouts.requestHeadMs: unknown key; did you mean \"requestHead\"?"),
    // log
    ("log: {level: warning}", "14: log.level: expected error, warn, info or debug, found \"warning\""),
    (
      "log: {level: wran}", "14: log.level: expected error, warn, info or debug, found \"wran\"; did you mean \"warn\"?"
    ),
    ("log: {access: xml}", "15: log.access: expected off, json or common, found \"xml\""),
    (
      "log: {accessFile: gone/access.log}",
      "19: log.accessFile: the folder gone does not exist; make it, or choose another path"
    ),
  ]

  @Test(arguments: [
    ("domains: preview.localhost", "expected a list such as [preview.localhost], found \"preview.localhost\""),
    ("domains: [7]", "expected a domain name such as preview.localhost, without *. or a port, found 7"),
    (
      "domains: [\"*.preview.localhost\"]",
      "expected a domain name such as preview.localhost, without *. or a port, found \"*.preview.localhost\""
    ),
    (
      "domains: [\"preview.localhost:8443\"]",
      "expected a domain name such as preview.localhost, without *. or a port, found \"preview.localhost:8443\""
    ),
    (
      "domains: [127.0.0.1]",
      "expected a domain name such as preview.localhost, without *. or a port, found \"127.0.0.1\""
    ),
    ("domains: [a.test, A.test.]", "the domain a.test is listed twice"),
    (
      "domains: []", "required: the domain below which preview hosts live, such as [preview.localhost] (or give routes)"
    ),
  ]) func refusesDomains(_ line: String, message: String) {
    let found = problems("tls: [{certificate: cert.pem, key: key.pem}]\n" + line)
    #expect(found.count == 1)
    #expect(found.first?.hasSuffix(": \(message)") == true, "\(found)")
    #expect(found.first?.hasPrefix("porthole.yaml:2:") == true, "\(found)")
  }

  @Test(arguments: [
    ("tls: []", "2:6: tls: expected at least one certificate and key, found a list"),
    ("tls: cert.pem", "2:6: tls: expected a list such as [{certificate: cert.pem, key: key.pem}], found \"cert.pem\""),
    (
      "tls: [cert.pem]",
      "2:7: tls[0]: expected a mapping such as {certificate: cert.pem, key: key.pem}, found \"cert.pem\""
    ),
    ("tls: [{certificate: cert.pem}]", "2:7: tls[0].key: required: the path of the certificate's PEM private key"),
    ("tls: [{key: key.pem}]", "2:7: tls[0].certificate: required: the path of a PEM certificate chain"),
    (
      "tls: [{certificate: gone.pem, key: key.pem}]",
      "2:21: tls[0].certificate: cannot read the certificate at gone.pem: there is no such file"
    ),
    (
      "tls: [{certificate: cert.pem, key: key.pem, ocsp: gone}]",
      "2:51: tls[0].ocsp: cannot read the OCSP response at gone: there is no such file"
    ),
    (
      "tls: [{certificate: cert.pem, key: key.pem, chain: x}]",
      "2:45: tls[0].chain: unknown key; expected one of certificate, key, ocsp"
    ),
    ("tls: [{certificate: cert.pem, key: key.pem}, {certificate: cert.pem, key: key.pem}]", "is listed twice"),
  ]) func refusesTLS(_ line: String, message: String) {
    let found = problems("domains: [preview.localhost]\n" + line)
    #expect(found.count == 1)
    #expect(found.first?.hasSuffix(message) == true, "\(found)")
  }

  @Test func readsEveryListenKey() throws {
    let listen = try load(
      minimal + """
        listen:
          https:
            - "[::1]:8443"
            - {address: ":443", clientCA: cert.pem, clientAuth: optional, proxyProtocol: false}
            - {address: "127.0.0.1:0"}
          http: [":80"]
          api: localhost:8440
          proxyProtocol: true
          trustedProxies: [10.0.0.0/8, 192.0.2.7, "2001:db8::/32"]
        """
    ).listen
    #expect(listen.https.map(\.address.description) == ["[::1]:8443", "[::]:443", "127.0.0.1:0"])
    #expect(listen.https.map(\.proxyProtocol) == [true, false, true])
    #expect(listen.https.map(\.clientCertificates?.mode) == [nil, .optional, nil])
    #expect(listen.http.map(\.description) == ["[::]:80"])
    #expect(listen.api?.description == "127.0.0.1:8440")
    #expect(listen.trustedProxies.map(\.description) == ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"])
    #expect(listen.proxyProtocolPeers == listen.trustedProxies)
  }

  @Test func onlyThisMachineMaySpeakPROXYWhereNobodyIsNamed() throws {
    let listen = try load(minimal + "listen: {proxyProtocol: true}").listen
    #expect(listen.proxyProtocolPeers.map(\.description) == ["127.0.0.0/8", "::1/128"])
    // Forwarded headers are another matter: nobody's are kept unless somebody is named.
    #expect(listen.trustedProxies.isEmpty)
  }

  @Test func clientAuthorityAloneMeansRequire() throws {
    let listen = try load(minimal + "listen: {https: [{address: \":443\", clientCA: cert.pem}]}").listen
    #expect(listen.https[0].clientCertificates?.mode == .require)
  }

  @Test(arguments: [
    ("tlsOptions: {}", Configuration.TLSOptions()),
    ("tlsOptions: {minVersion: 1.3}", .init(minVersion: .tls13)),
    ("tlsOptions: {minVersion: \"1.3\"}", .init(minVersion: .tls13)),
    ("tlsOptions: {ciphers: ECDHE+AESGCM}", .init(ciphers: "ECDHE+AESGCM")),
    ("tlsOptions: {ticketRotation: 43200}", .init(ticketRotationMs: 43_200_000)),
    ("tlsOptions: {ticketRotation: 1h}", .init(ticketRotationMs: 3_600_000)),
    ("tlsOptions: {hsts: off}", .init()),
    ("tlsOptions: {hsts: 31536000}", .init(hsts: .init(maxAgeSec: 31_536_000))),
    ("tlsOptions: {hsts: 365d}", .init(hsts: .init(maxAgeSec: 31_536_000))),
    (
      "tlsOptions: {hsts: {maxAge: 365d, includeSubDomains: true, preload: true}}",
      .init(hsts: .init(maxAgeSec: 31_536_000, includeSubDomains: true, preload: true))
    ),
  ]) func readsTLSOptions(_ line: String, expected: Configuration.TLSOptions) throws {
    #expect(try load(minimal + line).tlsOptions == expected)
  }

  @Test func hstsHeaderIsSpelledAsInTheRFC() {
    let hsts = Configuration.HSTS(maxAgeSec: 9, includeSubDomains: true, preload: true)
    #expect(hsts.headerValue == "max-age=9; includeSubDomains; preload")
    #expect(Configuration.HSTS(maxAgeSec: 0).headerValue == "max-age=0")
  }

  @Test func readsEverySandboxKey() throws {
    let sandboxes = try load(
      minimal + """
        runner:
          sandboxes:
            - {id: plain}
            - id: full
              address: ::1
              ingress: {mode: open, allowPorts: [80, 8080, 8888], wake: true}
              ports:
                - 8080
                - {port: 8888, name: jupyter, host: localhost, protocol: h2c}
            - id: private
              ports:
                - port: 3000
                  auth: token
                  allowIPs: [10.0.0.0/8, 192.0.2.7]
                  embedOrigins: ["HTTPS://App.Example.com:443", "http://localhost:3000"]
                  wake: true
                  keepAlive: false
            - {id: named, address: localhost, ports: [{port: 1024, host: "App.internal:80", protocol: https}]}
        """
    ).runner.sandboxes
    #expect(
      sandboxes == [
        .init(id: SandboxID("plain")!, address: .ip(IPAddress("127.0.0.1")!)),
        .init(
          id: SandboxID("full")!, address: .ip(IPAddress("::1")!),
          ingress: Ingress(mode: .open, allowPorts: [80, 8080, 8888], wake: true),
          exposures: [Exposure(port: 8080), Exposure(port: 8888, name: "jupyter", host: .localhost, upstream: .h2c)]),
        .init(
          id: SandboxID("private")!, address: .ip(IPAddress("127.0.0.1")!),
          exposures: [
            Exposure(
              port: 3000, auth: .token, allowIPs: [CIDR("10.0.0.0/8")!, CIDR("192.0.2.7")!],
              embedOrigins: ["https://app.example.com", "http://localhost:3000"], wake: true, keepAlive: false)
          ]),
        .init(
          id: SandboxID("named")!, address: .ip(IPAddress("127.0.0.1")!),
          exposures: [Exposure(port: 1024, host: .fixed("app.internal:80"), upstream: .https)]),
      ])
  }

  @Test(arguments: [
    ("http://127.0.0.1:3000", "public", "127.0.0.1:3000", "127.0.0.1:3000", HostPolicy.public),
    ("http://localhost:3000/", "upstream", "127.0.0.1:3000", "localhost:3000", .fixed("localhost:3000")),
    ("https://APP.internal", "upstream", "10.0.0.1:443", "app.internal", .fixed("app.internal")),
    ("https://app.internal:443", "upstream", "10.0.0.1:443", "app.internal", .fixed("app.internal")),
    ("h2c://[::1]:50051", "upstream", "[::1]:50051", "[::1]:50051", .fixed("[::1]:50051")),
    ("http://127.0.0.1", "Fixed.test", "127.0.0.1:80", "127.0.0.1", .fixed("fixed.test")),
  ]) func readsUpstreams(_ url: String, hostHeader: String, address: String, authority: String, policy: HostPolicy)
    throws
  {
    let line = "routes: [{host: \"*.Example.test\", upstream: \"\(url)\", hostHeader: \(hostHeader)}]"
    let configuration = try load(minimal + line) { name in
      name == "localhost" ? .success(IPAddress(v4: 0x7F00_0001)) : .success(IPAddress(v4: 0x0A00_0001))
    }
    let route = configuration.routes[0]
    #expect(route.host == .wildcard(suffix: "example.test"))
    #expect(route.upstream.endpoint == .tcp(SocketAddress(address)!))
    #expect(route.upstream.authority == authority)
    #expect(route.hostHeader == policy)
  }

  @Test func readsEveryLimit() throws {
    let limits = try load(
      minimal
        + "limits: {headBytes: 128KiB, headFields: 64, requestLineBytes: 4096, bodyBytes: 1GiB, streamsPerConnection: 7, connections: 5, idleUpstreamPerKey: 0, idleUpstream: 9}"
    ).limits
    #expect(
      limits
        == .init(
          headBytes: 131_072, headFields: 64, requestLineBytes: 4096, bodyBytes: 1 << 30, streamsPerConnection: 7,
          connections: 5, idleUpstreamPerKey: 0, idleUpstream: 9))
  }

  @Test(arguments: ["0", "auto"]) func connectionsMayBeLeftToTheSystem(_ text: String) throws {
    #expect(try load(minimal + "limits: {connections: \(text), bodyBytes: 0}").limits == Configuration.Limits())
  }

  @Test func aSmallHeadTakesTheRequestLineWithIt() throws {
    #expect(try load(minimal + "limits: {headBytes: 8KiB}").limits.requestLineBytes == 8192)
  }

  @Test func readsEveryTimeout() throws {
    let timeouts = try load(
      minimal + """
        timeouts:
          handshake: 1
          requestHead: 1.5
          requestBodyIdle: 500ms
          keepAliveIdle: 2m
          dial: 0.25
          dialRetry: 0
          responseHead: off
          streamIdle: 2h
          upstreamIdle: 30
          drain: "5s"
        """
    ).timeouts
    #expect(
      timeouts
        == .init(
          handshakeMs: 1000, requestHeadMs: 1500, requestBodyIdleMs: 500, keepAliveIdleMs: 120_000, dialMs: 250,
          dialRetryMs: 0, responseHeadMs: nil, streamIdleMs: 7_200_000, upstreamIdleMs: 30_000, drainMs: 5000))
  }

  @Test func readsEveryLogKey() throws {
    #expect(
      try load(minimal + "log: {level: debug, access: common, accessFile: \"-\"}").log
        == .init(level: .debug, access: .common))
    #expect(try load(minimal + "log: {access: off}").log.access == .off)
  }

  @Test func workersMayBeAuto() throws {
    #expect(try load(minimal + "workers: auto").workers == load(minimal).workers)
    #expect(try load(minimal + "workers: 3").workers == 3)
  }
}
