/// Finds bytes eight at a time: one load and a few word operations instead of eight compares.
///
/// All of them look at `base[from..<to]` only and answer `to` when there is nothing to find. The word tricks may report
/// false hits above a true one, never below it, and only the lowest hit is used.
enum Scan {
  @inline(__always)
  private static func word(_ base: UnsafePointer<UInt8>, _ at: Int) -> UInt64 {
    UInt64(littleEndian: UnsafeRawPointer(base + at).loadUnaligned(as: UInt64.self))
  }

  @inline(__always)
  private static func repeated(_ byte: UInt8) -> UInt64 { UInt64(byte) &* 0x0101_0101_0101_0101 }

  /// The high bit of each byte that is zero.
  @inline(__always)
  private static func zeros(_ word: UInt64) -> UInt64 {
    (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
  }

  /// The first control byte: 0x00–0x1F or DEL. Bytes from 0x80 up are obs-text (RFC 9110 §5.5) and pass.
  @inline(__always)
  static func control(_ base: UnsafePointer<UInt8>, from: Int, to: Int) -> Int {
    var at = from
    while at &+ 8 <= to {
      let eight = word(base, at)
      let low = (eight &- repeated(0x20)) & ~eight & 0x8080_8080_8080_8080
      let hits = low | zeros(eight ^ repeated(0x7F))
      if hits != 0 { return at &+ hits.trailingZeroBitCount >> 3 }
      at &+= 8
    }
    while at < to, base[at] >= 0x20, base[at] != 0x7F { at &+= 1 }
    return at
  }

  /// The first `byte`.
  @inline(__always)
  static func first(_ byte: UInt8, _ base: UnsafePointer<UInt8>, from: Int, to: Int) -> Int {
    var at = from
    while at &+ 8 <= to {
      let hits = zeros(word(base, at) ^ repeated(byte))
      if hits != 0 { return at &+ hits.trailingZeroBitCount >> 3 }
      at &+= 8
    }
    while at < to, base[at] != byte { at &+= 1 }
    return at
  }

  /// The first of two bytes.
  @inline(__always)
  static func first(_ one: UInt8, or other: UInt8, _ base: UnsafePointer<UInt8>, from: Int, to: Int) -> Int {
    var at = from
    while at &+ 8 <= to {
      let eight = word(base, at)
      let hits = zeros(eight ^ repeated(one)) | zeros(eight ^ repeated(other))
      if hits != 0 { return at &+ hits.trailingZeroBitCount >> 3 }
      at &+= 8
    }
    while at < to, base[at] != one, base[at] != other { at &+= 1 }
    return at
  }
}
