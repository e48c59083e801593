/// Base64 with the alphabet for URLs, unpadded (RFC 4648 §5).
public enum Base64URL {
  private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

  public static func encode(_ bytes: [UInt8]) -> String {
    var out: [UInt8] = []
    out.reserveCapacity((bytes.count * 4 + 2) / 3)
    var bits: UInt32 = 0
    var held: UInt32 = 0
    for byte in bytes {
      bits = bits << 8 | UInt32(byte)
      held += 8
      while held >= 6 {
        held -= 6
        out.append(alphabet.utf8Start[Int(bits >> held & 63)])
      }
    }
    if held > 0 { out.append(alphabet.utf8Start[Int(bits << (6 - held) & 63)]) }
    return String(decoding: out, as: UTF8.self)
  }

  /// Decodes into `out`, which takes `text.count * 3 / 4` bytes; nil for anything that `encode` does not give: foreign
  /// characters, padding, bits that stand for nothing.
  @inline(__always)
  public static func decode(_ text: UnsafeBufferPointer<UInt8>, into out: UnsafeMutablePointer<UInt8>) -> Int? {
    guard text.count % 4 != 1 else { return nil }
    var bits: UInt32 = 0
    var held: UInt32 = 0
    var count = 0
    for byte in text {
      guard let digit = value(byte) else { return nil }
      bits = bits << 6 | UInt32(digit)
      held &+= 6
      if held >= 8 {
        held &-= 8
        out[count] = UInt8(truncatingIfNeeded: bits >> held)
        count &+= 1
      }
    }
    return bits & ((1 << held) &- 1) == 0 ? count : nil
  }

  @inline(__always)
  private static func value(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x41...0x5A: byte &- 0x41
    case 0x61...0x7A: byte &- 0x61 &+ 26
    case 0x30...0x39: byte &- 0x30 &+ 52
    case 0x2D: 62
    case 0x5F: 63
    default: nil
    }
  }
}
