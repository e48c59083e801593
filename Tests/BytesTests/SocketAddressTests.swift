import Bytes
import Glibc
import Testing

@Suite struct SocketAddressTests {
  @Test(arguments: [
    ("127.0.0.1:80", "127.0.0.1:80"), ("[::1]:443", "[::1]:443"), ("[2001:db8::1]:65535", "[2001:db8::1]:65535"),
    (":8080", "[::]:8080"), ("localhost:0", "127.0.0.1:0"), ("[::ffff:1.2.3.4]:1", "1.2.3.4:1"),
  ])
  func addressAndPortAreReadAndWritten(_ text: String, _ written: String) {
    #expect(SocketAddress(text)?.description == written)
  }

  @Test(arguments: [
    "", ":", "80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1: 80",
    "127.0.0.1:80 ",
    "127.0.0.1:8o", "127.0.0.1:99999999999999999999", "::1:80", "::1", "[::1]", "[::1]80", "[::1:80", "[127.0.0.1]:80",
    "example.com:80", "Localhost:80x",
    "127.0.0.1:80:80", "127.0.0.1\0:80", "127.0.0.1:\u{0661}",
  ])
  func anythingElseIsNoSocketAddress(_ text: String) {
    #expect(SocketAddress(text) == nil)
  }

  @Test(arguments: ["127.0.0.1:80", "[2001:db8::1]:8443", "[::]:1"])
  func theKernelsFormSaysTheSame(_ text: String) throws {
    let address = try #require(SocketAddress(text))
    address.withSockaddr { pointer, length in
      #expect(SocketAddress(pointer) == address)
      #expect(length == (address.ip.isV4 ? 16 : 28))
      #expect(Int32(pointer.pointee.sa_family) == (address.ip.isV4 ? AF_INET : AF_INET6))
      // The port is in network order and in the same place in both.
      let bytes = UnsafeRawPointer(pointer)
      #expect(
        UInt16(bytes.load(fromByteOffset: 2, as: UInt8.self)) << 8
          | UInt16(bytes.load(fromByteOffset: 3, as: UInt8.self)) == address.port)
    }
  }

  @Test func anotherFamilyIsNoAddress() {
    var unix = sockaddr()
    unix.sa_family = sa_family_t(AF_UNIX)
    #expect(SocketAddress(&unix) == SocketAddress(ip: IPAddress(high: 0, low: 0), port: 0))
  }
}
