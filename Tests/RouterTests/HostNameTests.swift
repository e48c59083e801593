import HTTP
import Sandbox
import Testing

@testable import Router

let id57 = String(repeating: "a", count: 57)

@Suite struct HostNameTests {
  let table = RouteTable(
    domains: ["preview.localhost", "Sandbox.Example.TEST.", "localhost"],
    changes: ["a", "a-b", "bench", "x1", "a--b", "api", "z80", id57].map { .putSandbox(record($0)) })

  @Test(arguments: [
    ("8080-a.preview.localhost", "forward a:8080"),
    ("8080-a-b.preview.localhost", "forward a-b:8080"),
    ("8080-a--b.preview.localhost", "forward a--b:8080"),
    ("8080-x1.preview.localhost", "forward x1:8080"),
    ("8080-z80.preview.localhost", "forward z80:8080"),
    ("8080-api.preview.localhost", "forward api:8080"),
    ("1-a.preview.localhost", "forward a:1"),
    ("65535-a.preview.localhost", "forward a:65535"),
    ("65535-\(id57).preview.localhost", "forward \(id57):65535"),
    ("8080-A.Preview.LOCALHOST", "forward a:8080"),
    ("8080-a.preview.localhost.", "forward a:8080"),
    ("8080-a.preview.localhost:1", "forward a:8080"),
    ("8080-a.preview.localhost:8443", "forward a:8080"),
    ("8080-a.preview.localhost:65535", "forward a:8080"),
    ("8080-a.preview.localhost:00443", "forward a:8080"),
    ("8080-A.preview.localhost.:8443", "forward a:8080"),
    ("8080-a.sandbox.example.test", "forward a:8080"),
    ("8080-a.localhost", "forward a:8080"),
  ])
  func hostsOfSandboxesLeadToThem(host: String, expected: String) {
    #expect(decide(table, host) == expected)
  }

  @Test(arguments: [
    ("8080-b.preview.localhost", "no such sandbox"),
    ("08080-a.preview.localhost", "leading zero"),
    ("0-a.preview.localhost", "port 0"),
    ("00-a.preview.localhost", "zeros"),
    ("65536-a.preview.localhost", "past the last port"),
    ("99999-a.preview.localhost", "five digits, no port"),
    ("100000-a.preview.localhost", "six digits"),
    ("73616-a.preview.localhost", "8080 modulo 65536"),
    ("4294975376-a.preview.localhost", "8080 modulo 2^32"),
    ("18446744073709559696-a.preview.localhost", "8080 modulo 2^64"),
    ("-8080-a.preview.localhost", "a sign"),
    ("8080.preview.localhost", "no id"),
    ("8080-.preview.localhost", "empty id"),
    ("8080a.preview.localhost", "no dash"),
    ("8080_a.preview.localhost", "wrong dash"),
    ("8080--a.preview.localhost", "an id that begins with a dash"),
    ("8080-1a.preview.localhost", "an id that begins with a digit"),
    ("8080-a-.preview.localhost", "an id that ends in a dash"),
    ("8080-a_b.preview.localhost", "an underscore in an id"),
    ("80-\(id57)a.preview.localhost", "an id of 58"),
    ("0x50-a.preview.localhost", "hexadecimal"),
    ("8080-a.b.preview.localhost", "nested labels"),
    ("b.8080-a.preview.localhost", "nested labels"),
    ("8080-a.8080-a.preview.localhost", "nested labels"),
    ("sandbox.example.test", "the domain itself"),
    ("8080-a.xpreview.localhost", "a longer label than the domain's, below another domain"),
  ])
  func everythingElseWithinADomainIsTheSame404(host: String, why: String) {
    #expect(decide(table, host) == "404 route/not-found", "\(why)")
  }

  /// Whether there is a sandbox of that name is for the API to say, and only to whom it knows.
  @Test(arguments: [
    "a.preview.localhost", "api.preview.localhost", "www.preview.localhost", "API.preview.localhost.:8443",
  ])
  func namesWithoutAPortAreTheControlApis(host: String) {
    #expect(decide(table, host) == "control")
  }

  @Test(arguments: [
    ("8080-a.xsandbox.example.test", "the domain is only the end of a label"),
    ("8080-asandbox.example.test", "the domain is only the end of a label"),
    ("xsandbox.example.test", "the domain is only the end of a label"),
    ("8080-a.example.test", "above the domain"),
    ("8080-a.sandbox.example.test.evil", "the domain is not the end"),
    ("8080-a.sandbox.example", "a domain cut short"),
    ("8080-a", "no domain"),
    ("8080-a.", "no domain"),
    ("127.0.0.1", "an address"),
    ("127.0.0.1:8443", "an address"),
    ("[::1]", "an address"),
    ("[::1]:8443", "an address"),
    ("[2001:DB8::192.0.2.1]", "an address"),
  ])
  func hostsOutsideAllDomainsAreMisdirected(host: String, why: String) {
    #expect(decide(table, host) == "421 route/misdirected", "\(why)")
  }

  @Test(arguments: [
    "", ".", ":", ":8443", ".:8443", "a..localhost", ".localhost", "8080-a.localhost..", "8080-a.localhost:",
    "8080-a.localhost:0x1", "8080-a.localhost:123456", "8080-a.localhost:65536", "8080-a.localhost:99999",
    "8080-a.localhost:-1", "8080-a.localhost:+1", "8080-a.localhost:80:80", "8080-a.localhost:80.",
    "8080-a.localhost :80",
    " 8080-a.localhost", "8080-a.localhost\t", "8080-a.localhost/", "u@8080-a.localhost", "8080-a.localhost@x",
    "8080-a%2elocalhost", "8080-ä.localhost", "8080-a.localhost\0", "8080-a,localhost",
    "8080-a.localhost,8080-a.localhost",
    "*.localhost", "8080-a\\.localhost", "[", "[]", "[::1", "::1]", "[::1]x", "[::1]:", "[::1]:99999",
    "[fe80::1%25eth0]",
    "[8080-a.localhost]",
  ])
  func whatIsNoHostIsABadRequest(authority: String) {
    #expect(decide(table, authority) == "400 request/bad-host")
  }

  @Test func aHostMayBeAsLongAsNamesGet() {
    let labels = (0..<5).map { _ in String(repeating: "a", count: 49) + "." }.joined()  // 250
    #expect(decide(table, labels + "abc") == "421 route/misdirected")
    #expect(decide(table, labels + "abc.:65535") == "421 route/misdirected")
    #expect(decide(table, labels + "abcd") == "400 request/bad-host")
    #expect(decide(table, String(repeating: "a", count: 100_000)) == "400 request/bad-host")
  }

  @Test func everyByteIsEitherPartOfAHostOrRefused() {
    for byte in UInt8.min ... .max {
      let authority = Array("8080-a".utf8) + [byte] + Array("b.preview.localhost".utf8)
      let decision = authority.withUnsafeBufferPointer { table.decide(authority: $0, target: $0) }
      let text = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
      if text.utf8.contains(byte) {
        if case .refuse(.badHost) = decision { Issue.record("\(byte) refused") }
      } else if case .refuse(.badHost) = decision {
      } else {
        Issue.record("\(byte) accepted")
      }
    }
  }

  @Test func withoutDomainsThereAreNoPreviewHosts() {
    #expect(decide(RouteTable.empty, "8080-a.preview.localhost") == "421 route/misdirected")
  }

  @Test func domainsBelowEachOtherKeepTheirHostsApart() {
    let table = RouteTable(
      domains: ["preview.test", "eu.preview.test"], changes: [.putSandbox(record("a")), .putSandbox(record("eu"))])
    #expect(decide(table, "8080-a.preview.test") == "forward a:8080")
    #expect(decide(table, "8080-a.eu.preview.test") == "forward a:8080")
    #expect(decide(table, "eu.preview.test") == "control")
  }

  @Test func aNewSetOfDomainsReplacesTheOldOne() {
    let moved = table.replacingDomains(["new.test"])
    #expect(decide(moved, "8080-a.new.test") == "forward a:8080")
    #expect(decide(moved, "8080-a.preview.localhost") == "421 route/misdirected")
    #expect(decide(table, "8080-a.preview.localhost") == "forward a:8080")
    #expect(moved.count == table.count)
  }
}

@Suite struct ServerNameTests {
  @Test(arguments: [
    ("a.test", "a.test"), ("a.test", "A.Test"), ("A.TEST", "a.test."), ("a.test", "a.test:8443"),
    ("a.test", "a.test.:8443"), ("a.test.", "a.test"), ("a.test.", "a.test:443"), ("a.test:1", "a.test:2"),
    ("a.test:1", "a.test"), ("", "a.test"), ("", "[::1]:8443"),
  ])
  func sameHostAgrees(serverName: String, authority: String) {
    #expect(agrees(serverName, authority))
  }

  @Test(arguments: [
    ("a.test", "b.test"), ("a.test", "a.tes"), ("a.test", "a.testx"), ("a.test", "xa.test"), ("a.test", ""),
    ("a.test", ":443"), ("a.test", "[::1]"), ("a.test", "a.test.."), ("a.test", "a.test@b"), ("a-test", "a.test"),
    ("a@test", "a`test"), ("[", "[::1]"), ("[:", "[::1]"), ("[::1]", "[::2]"), ("a[test", "a{test"),
  ])
  func anotherHostDisagrees(serverName: String, authority: String) {
    #expect(!agrees(serverName, authority))
  }
}
