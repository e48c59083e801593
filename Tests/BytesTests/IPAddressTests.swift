import Bytes
import Testing

@Suite struct IPAddressTests {
  @Test(
    arguments: [
      ("0.0.0.0", 0, 0xFFFF_0000_0000), ("127.0.0.1", 0, 0xFFFF_7F00_0001), ("255.255.255.255", 0, 0xFFFF_FFFF_FFFF),
      ("192.0.2.99", 0, 0xFFFF_C000_0263), ("::", 0, 0), ("::1", 0, 1), ("[::1]", 0, 1),
      ("2001:db8::1", 0x2001_0DB8_0000_0000, 1), ("[2001:DB8:0:0:0:0:0:1]", 0x2001_0DB8_0000_0000, 1),
      ("1:2:3:4:5:6:7:8", 0x0001_0002_0003_0004, 0x0005_0006_0007_0008), ("::ffff:192.0.2.99", 0, 0xFFFF_C000_0263),
      ("::192.0.2.99", 0, 0xC000_0263),
    ] as [(String, UInt64, UInt64)])
  func addressesAreRead(_ text: String, _ high: UInt64, _ low: UInt64) {
    #expect(IPAddress(text) == IPAddress(high: high, low: low))
  }

  @Test(arguments: [
    "", " ", "localhost", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.-1", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4",
    "1.2.3.4/8",
    "0x7f.0.0.1", "1.2.3.4:80", "[]", "[", "[1.2.3.4]", "[::1", "::1]", "[[::1]]", "[::1]:80", ":", ":::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::", "::1%lo", "::1\0", "1.2.3.4\0", "1.2.3.4\0.5", "::1\0x",
  ])
  func anythingElseIsNoAddress(_ text: String) {
    #expect(IPAddress(text) == nil)
  }

  @Test(arguments: [
    "0.0.0.0", "1.2.3.4", "9.10.99.100", "101.199.200.255", "255.255.255.255", "::", "::1", "2001:db8::1",
    "1:2:3:4:5:6:7:8", "fe80::",
    "2001:db8:1:2:3:4:192:255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
  ])
  func addressesAreWrittenAsTheyAreRead(_ text: String) {
    #expect(IPAddress(text)?.description == text)
  }

  @Test func everyOctetIsWritten() {
    for octet in UInt32(0)...255 {
      #expect(IPAddress(v4: octet << 16 | octet).description == "0.\(octet).0.\(octet)")
    }
  }

  @Test func theMappedFormIsTheIPv4Address() {
    let mapped = IPAddress("::ffff:10.1.2.3")
    #expect(mapped == IPAddress(v4: 0x0A01_0203))
    #expect(mapped?.isV4 == true)
    #expect(mapped?.v4 == 0x0A01_0203)
    #expect(mapped?.description == "10.1.2.3")
    #expect(IPAddress("::10.1.2.3")?.isV4 == false, "the deprecated compatible form is not the mapped one")
    #expect(IPAddress("1::ffff:10.1.2.3")?.isV4 == false)
  }

  @Test func theKernelsFormHoldsTheSameBytes() throws {
    for text in ["2001:db8::1", "1.2.3.4", "::"] {
      let ip = try #require(IPAddress(text))
      #expect(IPAddress(v6: ip.in6) == ip)
    }
  }
}
