import Testing

@testable import ProxyEngine

@Suite struct OwnURLTests {
  private func count(_ url: String, authority: String) -> Int {
    Array(url.utf8).withUnsafeBufferPointer { url in
      Array(authority.utf8).withUnsafeBufferPointer { OwnURL.originCount(url, authority: $0) }
    }
  }

  @Test(arguments: [
    ("https://3000-a.b.c:8443/x", "3000-a.b.c:8443", 23),
    ("https://3000-a.b.c:8443", "3000-A.b.c:8443", 23),
    ("HTTPS://3000-a.B.c?q", "3000-a.b.c", 18),
    ("https://3000-a.b.c/", "3000-a.b.c:443", 18),
    ("https://3000-a.b.c:8443/", "3000-a.b.c", 0),
    ("https://3000-a.b.c/", "3000-a.b.c:8443", 0),
    ("https://3000-a.b.c.evil/", "3000-a.b.c", 0),
    ("https://3000-a.b.c@evil/", "3000-a.b.c", 0),
    ("http://3000-a.b.c/", "3000-a.b.c", 0),
    ("https://x/", "", 0),
    ("https:/", "3000-a.b.c", 0),
    ("", "3000-a.b.c", 0),
  ])
  func aBrowsersURLIsOursWhenItsOriginIs(url: String, authority: String, expected: Int) {
    #expect(count(url, authority: authority) == expected)
  }

  @Test(arguments: [
    ("http://localhost:3000/x", 21),
    ("https://localhost:3000/x", 22),
    ("http://localhost/x", 16),
    ("http://localhost", 16),
    ("http://LOCALHOST:8443#f", 21),
    ("http://localhost:3001/", 0),
    ("http://localhost:/", 0),
    ("http://localhost:30000/", 0),
    ("http://localhost:99999999999999999999/", 0),
    ("http://localhosts/", 0),
    ("http://localhost@evil/", 0),
    ("http://localhost:3000@evil/", 0),
    ("http://localhost\\@evil/", 0),
    ("ftp://localhost/", 0),
    ("//localhost/", 0),
    ("/localhost", 0),
    ("http://", 0),
    ("https://", 0),
    ("", 0),
  ])
  func anAppsURLIsOursWithItsOwnPortOrOurs(url: String, expected: Int) {
    let found = Array(url.utf8).withUnsafeBufferPointer { url in
      Array("localhost".utf8).withUnsafeBufferPointer { OwnURL.originCount(url, host: $0, port: 3000, orPort: 8443) }
    }
    #expect(found == expected)
  }

  @Test(arguments: [
    ("a.b", "a.b", 443), ("a.b:8443", "a.b", 8443), ("a.b:65535", "a.b", 65535), ("a.b:65536", "a.b:65536", 443),
    ("a.b:", "a.b:", 443),
    ("123", "123", 443), (":1", "", 1), ("", "", 443), ("a:123456", "a:123456", 443),
  ])
  func anAuthorityIsANameAndAPort(authority: String, host: String, port: Int) {
    Array(authority.utf8).withUnsafeBufferPointer {
      let (found, number) = OwnURL.split($0)
      #expect(String(decoding: found, as: UTF8.self) == host && Int(number) == port)
    }
  }
}
