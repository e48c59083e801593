public import Glibc

/// An IPv4 or IPv6 address as a plain value: 16 network-order bytes, IPv4 in its mapped form (RFC 4291 §2.5.5.2).
@frozen
public struct IPAddress: Hashable, Sendable {
  /// The first and last eight bytes, each read big-endian.
  public var high: UInt64
  public var low: UInt64

  @inlinable
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// From four bytes in host order: `0x7F000001` is 127.0.0.1.
  @inlinable
  public init(v4: UInt32) {
    self.init(high: 0, low: 0x0000_FFFF_0000_0000 | UInt64(v4))
  }

  /// 127.0.0.0/8 and ::1 (RFC 6890).
  public var isLoopback: Bool { isV4 ? v4 >> 24 == 127 : high == 0 && low == 1 }
  /// 0.0.0.0 and ::, which mean "this machine" where they are dialled.
  public var isUnspecified: Bool { isV4 ? v4 == 0 : high == 0 && low == 0 }

  @inlinable public var isV4: Bool { high == 0 && low >> 32 == 0xFFFF }
  @inlinable public var v4: UInt32 { UInt32(truncatingIfNeeded: low) }

  /// Parses `192.0.2.1`, `2001:db8::1` and `[2001:db8::1]`; nil for anything else, names included.
  public init?(_ text: String) {
    // inet_pton sees a C string: what follows a NUL would pass unread.
    guard !text.utf8.contains(0) else { return nil }
    var trimmed = Substring(text)
    let isBracketed = trimmed.first == "[" && trimmed.last == "]"
    if isBracketed { trimmed = trimmed.dropFirst().dropLast() }
    var v4 = in_addr()
    var v6 = in6_addr()
    // Brackets are for IPv6 alone (RFC 3986 §3.2.2).
    if !isBracketed, inet_pton(AF_INET, String(trimmed), &v4) == 1 {
      self.init(v4: UInt32(bigEndian: v4.s_addr))
    } else if inet_pton(AF_INET6, String(trimmed), &v6) == 1 {
      self.init(v6: v6)
    } else {
      return nil
    }
  }

  public init(v6: in6_addr) {
    var copy = v6
    self = withUnsafeBytes(of: &copy) {
      IPAddress(
        high: UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)),
        low: UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
  }

  public var in6: in6_addr {
    var out = in6_addr()
    withUnsafeMutableBytes(of: &out) {
      $0.storeBytes(of: high.bigEndian, as: UInt64.self)
      $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
    return out
  }

  /// Writes the usual text form and returns its length; `into` needs 46 bytes.
  @discardableResult
  public func write(into: UnsafeMutablePointer<UInt8>) -> Int {
    if isV4 {
      var at = 0
      var shift: UInt32 = 24
      while true {
        let octet = UInt8(truncatingIfNeeded: v4 >> shift)
        if octet >= 100 { into[at] = 0x30 + octet / 100; at += 1 }
        if octet >= 10 { into[at] = 0x30 + octet / 10 % 10; at += 1 }
        into[at] = 0x30 + octet % 10
        at += 1
        if shift == 0 { return at }
        into[at] = 0x2E
        at += 1
        shift -= 8
      }
    }
    var raw = in6
    return into.withMemoryRebound(to: CChar.self, capacity: 46) {
      inet_ntop(AF_INET6, &raw, $0, 46) == nil ? 0 : strlen($0)
    }
  }
}

extension IPAddress: CustomStringConvertible {
  public var description: String {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 48) { buffer in
      let count = write(into: buffer.baseAddress!)
      return String(decoding: UnsafeBufferPointer(rebasing: buffer[0..<count]), as: UTF8.self)
    }
  }
}

/// An IP address and a TCP port.
@frozen
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  public var ip: IPAddress
  public var port: UInt16

  @inlinable
  public init(ip: IPAddress, port: UInt16) {
    self.ip = ip
    self.port = port
  }

  /// Parses `127.0.0.1:80`, `[::1]:80`, `:80` (any address) and `localhost:80`; nil for anything else.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let digits = text[text.index(after: colon)...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let port = UInt16(digits) else {
      return nil
    }
    let host = String(text[..<colon])
    switch host {
    case "": self.init(ip: IPAddress(high: 0, low: 0), port: port)
    case "localhost": self.init(ip: IPAddress(v4: 0x7F00_0001), port: port)
    default:
      if host.contains(":"), !(host.hasPrefix("[") && host.hasSuffix("]")) { return nil }
      guard let ip = IPAddress(host) else { return nil }
      self.init(ip: ip, port: port)
    }
  }

  public init(_ storage: UnsafePointer<sockaddr>) {
    let raw = UnsafeRawPointer(storage)
    switch Int32(storage.pointee.sa_family) {
    case AF_INET:
      let v4 = raw.loadUnaligned(as: sockaddr_in.self)
      self.init(ip: IPAddress(v4: UInt32(bigEndian: v4.sin_addr.s_addr)), port: UInt16(bigEndian: v4.sin_port))
    case AF_INET6:
      let v6 = raw.loadUnaligned(as: sockaddr_in6.self)
      self.init(ip: IPAddress(v6: v6.sin6_addr), port: UInt16(bigEndian: v6.sin6_port))
    default:
      self.init(ip: IPAddress(high: 0, low: 0), port: 0)
    }
  }

  /// Lends the address in the kernel's form.
  public func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    if ip.isV4 {
      var v4 = sockaddr_in()
      v4.sin_family = sa_family_t(AF_INET)
      v4.sin_port = port.bigEndian
      v4.sin_addr.s_addr = ip.v4.bigEndian
      return withUnsafePointer(to: &v4) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
      }
    }
    var v6 = sockaddr_in6()
    v6.sin6_family = sa_family_t(AF_INET6)
    v6.sin6_port = port.bigEndian
    v6.sin6_addr = ip.in6
    return withUnsafePointer(to: &v6) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in6>.size)) }
    }
  }

  public var description: String { ip.isV4 ? "\(ip):\(port)" : "[\(ip)]:\(port)" }
}

/// A block of addresses, `192.0.2.0/24` or `2001:db8::/32` (RFC 4632, RFC 4291 §2.3). A bare address is a block of one.
@frozen
public struct CIDR: Hashable, Sendable, CustomStringConvertible {
  public let network: IPAddress
  /// 0 to 128, counted on the mapped form: an IPv4 /24 is 120 here.
  public let prefixBits: UInt8

  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let ip = IPAddress(String(parts[0])) else { return nil }
    let widest = ip.isV4 ? 32 : 128
    var bits = widest
    if parts.count == 2 {
      // One spelling: digits only, no leading zero, which some read as octal.
      guard let given = UInt8(parts[1]), Int(given) <= widest, String(given) == parts[1] else { return nil }
      bits = Int(given)
    }
    let mapped = bits + (ip.isV4 ? 96 : 0)
    prefixBits = UInt8(mapped)
    network = CIDR.masked(ip, mapped)
  }

  static func masked(_ ip: IPAddress, _ bits: Int) -> IPAddress {
    let high = bits >= 64 ? UInt64.max : (bits == 0 ? 0 : ~(UInt64.max >> UInt64(bits)))
    let low = bits <= 64 ? 0 : (bits == 128 ? UInt64.max : ~(UInt64.max >> UInt64(bits - 64)))
    return IPAddress(high: ip.high & high, low: ip.low & low)
  }

  /// A block of one family contains no address of the other. Without that, `::/0` on an allowlist, meant for everybody
  /// on IPv6, would let in all of IPv4, too, because its mapped form begins with zeros.
  public func contains(_ ip: IPAddress) -> Bool {
    ip.isV4 == network.isV4 && CIDR.masked(ip, Int(prefixBits)) == network
  }

  public var description: String { "\(network)/\(network.isV4 && prefixBits >= 96 ? prefixBits - 96 : prefixBits)" }
}
