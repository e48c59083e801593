import Bytes
import Sandbox
import Settings
import Testing

@testable import Configuration

@Suite struct EnvironmentTests {
  @Test func aVariableWinsOverTheFile() throws {
    let configuration = try load(
      minimal + "workers: 1\nlog: {level: info, access: json}",
      [
        "PORTHOLE_WORKERS": "2", "PORTHOLE_LOG_LEVEL": "debug", "HOME": "/",
      ])
    #expect(configuration.workers == 2)
    #expect(configuration.log == .init(level: .debug, access: .json))
  }

  @Test(arguments: [
    ("proxyProtocol", "PROXY_PROTOCOL"), ("clientCA", "CLIENT_CA"), ("tlsOptions", "TLS_OPTIONS"), ("https", "HTTPS"),
    ("includeSubDomains", "INCLUDE_SUB_DOMAINS"),
  ]) func keysBecomeUpperSnake(_ key: String, variable: String) {
    #expect(Environment.upperSnake(key) == variable)
  }

  @Test func noTwoKeysShareAVariable() {
    let names = Configuration.environmentNames(kind: nil, runners: runners).map(\.variable)
    #expect(Set(names).count == names.count)
    #expect(names.contains("PORTHOLE_LISTEN_HTTPS") && names.contains("PORTHOLE_TLS_OPTIONS_HSTS_MAX_AGE"))
  }

  /// Every variable is understood: a value of the wrong kind names the variable and its key.
  @Test(arguments: Configuration.environmentNames(kind: nil, runners: runners).map(\.variable))
  func everyVariableReachesItsKey(_ variable: String) {
    let found = problems(minimal, [variable: "{\u{1}"])
    #expect(found.contains { $0.hasPrefix("environment variable \(variable): ") }, "\(found)")
  }

  @Test func listsAreCommaSeparatedOrFlow() throws {
    func https(_ text: String) throws -> [String] {
      try load(minimal, ["PORTHOLE_LISTEN_HTTPS": text]).listen.https.map(\.address.description)
    }
    #expect(try https("127.0.0.1:1,127.0.0.1:2") == ["127.0.0.1:1", "127.0.0.1:2"])
    #expect(try https("[::1]:1, [::1]:2") == ["[::1]:1", "[::1]:2"])
    #expect(try https("[\"127.0.0.1:1\", {address: \":2\"}]") == ["127.0.0.1:1", "[::]:2"])
    #expect(try https("{address: \":2\", clientCA: cert.pem}") == ["[::]:2"])
  }

  @Test func mappingsAndTheirListsAreFlow() throws {
    let configuration = try load(
      minimal,
      [
        "PORTHOLE_RUNNER": "{sandboxes: [{id: a}]}",
        "PORTHOLE_ROUTES": "[{\"host\": \"a.test\", \"upstream\": \"http://127.0.0.1:1\"}]",
        "PORTHOLE_TLS_OPTIONS_HSTS": "{maxAge: 1d}",
      ])
    #expect(configuration.runner.sandboxes.map(\.id.text) == ["a"])
    #expect(configuration.routes.map(\.host) == [.exact("a.test")])
    #expect(configuration.tlsOptions.hsts?.maxAgeSec == 86400)
  }

  @Test func aDeeperVariableRefinesAShallowerOne() throws {
    let configuration = try load(
      minimal,
      [
        "PORTHOLE_TLS_OPTIONS_HSTS": "{maxAge: 1d}", "PORTHOLE_TLS_OPTIONS_HSTS_INCLUDE_SUB_DOMAINS": "true",
      ])
    #expect(configuration.tlsOptions.hsts == .init(maxAgeSec: 86400, includeSubDomains: true))
  }

  @Test func anEmptyVariableIsNotSet() throws {
    #expect(try load(minimal + "workers: 3", ["PORTHOLE_WORKERS": ""]).workers == 3)
  }

  @Test func theCommandLinesOwnVariablesAreLeftAlone() {
    let own = ["PORTHOLE_CONFIG": "x", "PORTHOLE_API_URL": "http://127.0.0.1:1", "PORTHOLE_API_KEY": "y"]
    #expect(problems(minimal, own) == [])
    #expect(Set(Environment.reserved) == Set(own.keys))
  }

  /// A key of that name would silently be out of reach of its variable.
  @Test func noKeyHasOneOfTheCommandLinesVariables() {
    let names = Configuration.environmentNames(kind: nil, runners: runners).map(\.variable)
    #expect(Set(names).isDisjoint(with: Environment.reserved))
  }

  @Test func aTypoOfOneOfThemIsStillFound() {
    #expect(
      problems(minimal, ["PORTHOLE_API_URI": "y"]) == [
        "environment variable PORTHOLE_API_URI: no key has this name; did you mean PORTHOLE_API_URL?"
      ])
  }

  @Test(arguments: [
    (
      ["PORTHOLE_WORKER": "1"],
      "environment variable PORTHOLE_WORKER: no key has this name; did you mean PORTHOLE_WORKERS?"
    ),
    (
      ["PORTHOLE_XYZZY": "1"],
      "environment variable PORTHOLE_XYZZY: no key has this name; every key has a variable, such as PORTHOLE_LOG_LEVEL for log.level"
    ),
    (
      ["PORTHOLE_WORKERS": "lots"],
      "environment variable PORTHOLE_WORKERS: workers: expected a whole number from 1 to 1024, found \"lots\""
    ),
    (
      ["PORTHOLE_ROUTES": "a.test"],
      "environment variable PORTHOLE_ROUTES: routes: expected a list in YAML flow form such as [{key: value}], found \"a.test\""
    ),
    (
      ["PORTHOLE_LISTEN": "8443"],
      "environment variable PORTHOLE_LISTEN: listen: expected a mapping such as {https: [\"127.0.0.1:8443\"]}, found 8443"
    ),
    (
      ["PORTHOLE_RUNNER": "{kind: static, x: 1}"],
      "environment variable PORTHOLE_RUNNER: runner.x: unknown key; expected one of kind, sandboxes"
    ),
    (
      ["PORTHOLE_LIMITS_HEAD_BYTES": "1"],
      "environment variable PORTHOLE_LIMITS_HEAD_BYTES: limits.headBytes: expected a number of bytes from 1024 to 1048576 (or text such as 64KiB, 10MiB), found \"1\""
    ),
  ]) func refusesVariables(_ environment: [String: String], message: String) {
    #expect(problems(minimal, environment) == [message])
  }
}
