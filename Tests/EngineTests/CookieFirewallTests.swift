import Bytes
import Testing

@testable import ProxyEngine

@Suite struct CookieFirewallTests {
  private func scrubbed(_ values: [String]) -> String {
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: 4096)
    defer { memory.deallocate() }
    var out = HeadCursor(memory)
    for value in values {
      let bytes = Array(value.utf8)
      bytes.withUnsafeBufferPointer { CookieFirewall.copy($0, to: &out, isFirst: out.at == 0) }
    }
    return String(decoding: UnsafeBufferPointer(start: memory, count: out.at), as: UTF8.self)
  }

  @Test(arguments: [
    (["a=1; b=2"], "a=1; b=2"),
    (["__Host-porthole=secret"], ""),
    (["a=1; __Host-porthole=secret; b=2"], "a=1; b=2"),
    (["__host-PORTHOLE=secret;a=1"], "a=1"),
    (["a=1;__Host-porthole=x;__Host-porthole=y"], "a=1"),
    (["a=__Host-porthole"], "a=__Host-porthole"),
    (["__Host-porthole2=mine"], "__Host-porthole2=mine"),
    (["__Host-porthole"], ""),
    (["a=1", "__Host-porthole=s", "b=2"], "a=1; b=2"),
    (["a;b;c; __Host-porthole=s;d"], "a;b;c;d"),
    (["odd cookie,with=weird{}; x"], "odd cookie,with=weird{}; x"),
  ])
  func ourCookieNeverReachesTheSandbox(values: [String], expected: String) {
    #expect(scrubbed(values) == expected)
  }

  private func judged(_ value: String) -> String? {
    let bytes = Array(value.utf8)
    let host = Array("3000-abc.preview.example".utf8)
    return bytes.withUnsafeBufferPointer { bytes -> String? in
      host.withUnsafeBufferPointer { host -> String? in
        switch CookieFirewall.judge(setCookie: bytes, host: host) {
        case .pass: return value
        case .drop: return nil
        case .narrow(let gone):
          return String(decoding: Array(bytes[..<Int(gone.start)]) + Array(bytes[gone.end...]), as: UTF8.self)
        }
      }
    }
  }

  @Test(arguments: [
    ("a=1", "a=1"),
    ("a=1; Path=/; HttpOnly", "a=1; Path=/; HttpOnly"),
    ("a=1; Domain=preview.example; Path=/", "a=1; Path=/"),
    ("a=1; domain=.Preview.Example", "a=1"),
    ("a=1;DOMAIN = preview.example;Secure", "a=1;Secure"),
    ("a=1; Domain=3000-abc.preview.example", "a=1"),
    ("__Host-porthole=x; Path=/; Secure", nil),
    (" __host-Porthole =x", nil),
    ("a=1; Domain=b; Domain=c", nil),
    ("a=domain=x", "a=domain=x"),
  ])
  func aSandboxSetsCookiesForItsOwnHostOnly(value: String, expected: String?) {
    #expect(judged(value) == expected)
  }
}
