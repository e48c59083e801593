import Bytes

/// The PROXY protocol's head, versions 1 and 2 (HAProxy's proxy-protocol.txt, 2020/03/05).
enum ProxyHead {
  enum Outcome: Equatable {
    case incomplete
    case malformed
    /// `source` is nil for LOCAL and UNKNOWN: the connection is the proxy's own.
    case complete(consumed: Int, source: SocketAddress?)
  }

  /// The longest version 1 line, its line ending counted.
  private static let lineBytesMax = 107
  /// Addresses and the TLVs that we skip.
  private static let payloadBytesMax = 4096

  static func parse(_ base: UnsafePointer<UInt8>, count: Int) -> Outcome {
    let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    let shared = min(count, signature.count)
    if (0..<shared).allSatisfy({ base[$0] == signature[$0] }) {
      return count < 16 ? .incomplete : binary(base, count)
    }
    return line(UnsafeBufferPointer(start: base, count: count))
  }

  private static func binary(_ base: UnsafePointer<UInt8>, _ count: Int) -> Outcome {
    guard base[12] >> 4 == 2 else { return .malformed }
    let payload = Int(base[14]) << 8 | Int(base[15])
    guard payload <= payloadBytesMax else { return .malformed }
    guard count >= 16 + payload else { return .incomplete }
    let consumed = 16 + payload
    let address = base + 16
    func port(_ at: Int) -> UInt16 { UInt16(address[at]) << 8 | UInt16(address[at + 1]) }
    func word(_ at: Int) -> UInt64 { (0..<8).reduce(0) { $0 << 8 | UInt64(address[at + $1]) } }
    switch (base[12] & 0xF, base[13]) {
    case (0, _): return .complete(consumed: consumed, source: nil)
    case (1, 0x11) where payload >= 12:
      let v4 = (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(address[$1]) }
      return .complete(consumed: consumed, source: SocketAddress(ip: IPAddress(v4: v4), port: port(8)))
    case (1, 0x21) where payload >= 36:
      return .complete(
        consumed: consumed, source: SocketAddress(ip: IPAddress(high: word(0), low: word(8)), port: port(32)))
    case (1, 0x00): return .complete(consumed: consumed, source: nil)
    default: return .malformed
    }
  }

  private static func line(_ bytes: UnsafeBufferPointer<UInt8>) -> Outcome {
    let prefix: [UInt8] = [0x50, 0x52, 0x4F, 0x58, 0x59, 0x20]
    for index in 0..<min(bytes.count, prefix.count) where bytes[index] != prefix[index] { return .malformed }
    guard let end = bytes.prefix(lineBytesMax).firstIndex(of: 0x0A) else {
      return bytes.count >= lineBytesMax ? .malformed : .incomplete
    }
    guard end > 0, bytes[end - 1] == 0x0D else { return .malformed }
    let words = String(decoding: bytes[..<(end - 1)], as: UTF8.self).split(
      separator: " ", omittingEmptySubsequences: false)
    guard words.count >= 2 else { return .malformed }
    if words[1] == "UNKNOWN" { return .complete(consumed: end + 1, source: nil) }
    guard words.count == 6, words[1] == "TCP4" || words[1] == "TCP6",
      let source = IPAddress(String(words[2])), IPAddress(String(words[3])) != nil,
      source.isV4 == (words[1] == "TCP4"), let port = number(words[4]), number(words[5]) != nil
    else { return .malformed }
    return .complete(consumed: end + 1, source: SocketAddress(ip: source, port: port))
  }

  private static func number(_ text: Substring) -> UInt16? {
    guard !text.isEmpty, text.utf8.allSatisfy(ASCII.isDigit) else { return nil }
    return UInt16(text)
  }
}
