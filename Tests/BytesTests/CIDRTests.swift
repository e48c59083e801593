import Bytes
import Testing

@Suite struct CIDRTests {
  @Test(arguments: [
    ("192.0.2.0/24", "192.0.2.0/24"), ("192.0.2.77/24", "192.0.2.0/24"), ("192.0.2.77", "192.0.2.77/32"),
    ("10.0.0.0/8", "10.0.0.0/8"),
    ("255.255.255.255/1", "128.0.0.0/1"), ("1.2.3.4/0", "0.0.0.0/0"), ("2001:db8::1/32", "2001:db8::/32"),
    ("2001:db8::1", "2001:db8::1/128"),
    ("ffff::/0", "::/0"), ("1:2:3:4:5:6:7:8/64", "1:2:3:4::/64"), ("1:2:3:4:ffff::/65", "1:2:3:4:8000::/65"),
    ("[2001:db8::]/63", "2001:db8::/63"),
    ("1:2:3:ffff::/63", "1:2:3:fffe::/63"),
  ])
  func blocksAreReadAndWritten(_ text: String, _ written: String) {
    #expect(CIDR(text)?.description == written)
  }

  @Test(arguments: [
    "", "/", "/8", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/-0", "1.2.3.4/+8", "1.2.3.4/ 8", "1.2.3.4/8/8",
    "1.2.3.4/x", "1.2.3.4/024",
    "1.2.3.4/00", "::/129", "::/-1", "example.com/8", "1.2.3/8", "1.2.3.4/255.0.0.0", "1.2.3.4/8\0", "1.2.3.4\0/8",
    "::1/99999999999999999999",
  ])
  func anythingElseIsNoBlock(_ text: String) {
    #expect(CIDR(text) == nil)
  }

  @Test(arguments: [
    ("192.0.2.0/24", "192.0.2.0", true), ("192.0.2.0/24", "192.0.2.255", true), ("192.0.2.0/24", "192.0.3.0", false),
    ("192.0.2.0/24", "192.0.1.255", false), ("192.0.2.8/32", "192.0.2.8", true), ("192.0.2.8/32", "192.0.2.9", false),
    ("192.0.2.8/31", "192.0.2.9", true), ("0.0.0.0/0", "255.1.2.3", true), ("128.0.0.0/1", "127.255.255.255", false),
    ("192.0.2.0/24", "::ffff:192.0.2.1", true), ("192.0.2.0/24", "::192.0.2.1", false),
    ("2001:db8::/32", "2001:db8:ffff::", true), ("2001:db8::/32", "2001:db9::", false),
    ("2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff", true), ("2001:db8::/64", "2001:db8:0:1::", false),
    ("2001:db8::/65", "2001:db8::8000:0:0:0", false), ("2001:db8::/127", "2001:db8::1", true),
    ("2001:db8::/127", "2001:db8::2", false),
    ("::1", "::1", true), ("::1", "::2", false), ("::/0", "ffff::1", true),
    // A rule about one family says nothing about the other: `::/0` is "anybody on IPv6".
    ("::/0", "1.2.3.4", false), ("::/64", "1.2.3.4", false), ("0.0.0.0/0", "::", false),
    ("0.0.0.0/0", "2001:db8::1", false),
  ])
  func aBlockContainsItsAddressesAndNoOthers(_ block: String, _ address: String, _ expected: Bool) throws {
    #expect(try #require(CIDR(block)).contains(#require(IPAddress(address))) == expected)
  }
}
