import Testing

@testable import Client

@Suite struct ServerURLTests {
  @Test(arguments: [
    ("http://127.0.0.1:8440", "127.0.0.1:8440", "127.0.0.1", 8440, ""),
    ("HTTP://Example.TEST", "example.test", "example.test", 80, ""),
    ("https://api.preview.localhost:8443/", "api.preview.localhost:8443", "api.preview.localhost", 8443, ""),
    ("https://a.test:443/porthole/", "a.test", "a.test", 443, "/porthole"),
    ("http://[::1]:8440", "[::1]:8440", "::1", 8440, ""), ("http://[::1]", "[::1]", "::1", 80, ""),
    ("http://porthole_api:1/a//b", "porthole_api:1", "porthole_api", 1, "/a//b"),
  ])
  func aURLIsReadAs(text: String, authority: String, host: String, port: UInt16, prefix: String) throws {
    let url = try ServerURL(text)
    #expect(url.authority == authority && url.host == host && url.port == port && url.pathPrefix == prefix)
    #expect(url.isTLS == text.lowercased().hasPrefix("https"))
    #expect(try ServerURL(url.description) == url)
  }

  @Test(arguments: [
    "", "127.0.0.1:8440", "ftp://a.test", "http://", "http:///v1", "http://a.test:0", "http://a.test:65536",
    "http://a.test:x", "http://user:secret@a.test", "http://a.test?x", "http://a.test/#x", "http://a b",
    "http://a.test/a b",
    "http://[::1", "http://[zz::1]", "http://::1", "http://a.test\r\nX: y", "http://a.test/\u{e9}", "http://a.test:",
  ])
  func anythingElseIsRefused(text: String) {
    do {
      let url = try ServerURL(text)
      Issue.record("took \(url)")
    } catch {
      guard case .badURL(let reason) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(!reason.contains("secret"))
    }
  }

  @Test(arguments: [
    ("http://127.0.0.9:1", true), ("http://localhost", true), ("http://a.localhost.:1", true), ("http://[::1]", true),
    ("http://10.0.0.1", false), ("http://localhost.test", false), ("http://notlocalhost", false),
  ])
  func loopbackStaysHere(text: String, isLoopback: Bool) throws {
    #expect(try ServerURL(text).isLoopback == isLoopback)
  }
}
