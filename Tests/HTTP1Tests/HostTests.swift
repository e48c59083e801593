import HTTP
import HTTP1
import Testing

@Suite struct HostTests {
  @Test(arguments: [
    "h", "3000-abc.preview.localhost", "h:1", "h:65535", "h:0", "h:00080", "h.", "h.:80", "127.0.0.1", "127.0.0.1:80",
    "[::1]",
    "[::1]:80", "[2001:db8::ffff:192.0.2.1]",
    "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]", "a_b-c~d.e", "HoSt",
  ])
  func hostAndPortAreTaken(_ host: String) {
    #expect(request("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").head?.authority == host)
  }

  @Test(arguments: [
    "", ":", ":80", "h:", "h:65536", "h:99999", "h:100000", "h:000080", "h:-1", "h:+1", "h:8 0", "h:80:80", "h:x",
    "h h",
    "h,g", "h, g", "u@h", "u:p@h", "h/", "/h", "h/x", "h?x", "h#x", "h\\x", "http://h", "h%41", "h%", "[", "[]", "[::1",
    "::1",
    "[::1]x", "[::1]:", "[::1]:x", "[:]", "[1.2.3.4]", "[::g]", "[::1%25eth0]", "[v1.x]", "[::1]]", "h[::1]", "\"h\"",
    "h\u{e9}", "h|g",
    "[0ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]",
  ])
  func anythingElseIsRefused(_ host: String) {
    #expect(request("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").error == .badHost)
  }

  @Test func everyHostByteIsAllowedOrNot() {
    let allowed = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+;=".utf8)
    for byte in UInt8.min...UInt8.max {
      let input = Array("GET / HTTP/1.1\r\nHost: x".utf8) + [byte] + Array("yz\r\n\r\n".utf8)
      #expect((parseRequest(input, arriving: [input.count]).head != nil) == allowed.contains(byte), "\(byte)")
    }
  }

  @Test func version11NeedsExactlyOneHost() {
    #expect(request("GET / HTTP/1.1\r\n\r\n").error == .badHost)
    #expect(request("GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n").error == .badHost)
    #expect(request("GET / HTTP/1.1\r\nhost: h\r\nX: y\r\nHOST: g\r\n\r\n").error == .badHost)
  }

  @Test func version10MayDoWithoutHostButNotWithTwo() {
    let head = request("GET / HTTP/1.0\r\n\r\n").head
    #expect(head?.authority == "")
    #expect(head?.fields == [])
    #expect(request("GET / HTTP/1.0\r\nHost: h\r\n\r\n").head?.authority == "h")
    #expect(request("GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n").error == .badHost)
    #expect(request("GET / HTTP/1.0\r\nHost:\r\n\r\n").error == .badHost)
  }
}
