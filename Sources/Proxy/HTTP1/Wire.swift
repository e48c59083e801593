public import Bytes

/// Writes the pieces of a message into memory that the caller has made room in. Each answers how many bytes it wrote.
public enum Wire {
  /// The most that `putDecimal` writes: 18446744073709551615.
  @inlinable public static var decimalBytesMax: Int { 20 }
  /// The most that `putChunkHeader` writes: 16 digits and CRLF.
  @inlinable public static var chunkHeaderBytesMax: Int { 18 }

  @inlinable @inline(__always)
  public static func put(_ text: StaticString, at out: UnsafeMutablePointer<UInt8>) -> Int {
    out.update(from: text.utf8Start, count: text.utf8CodeUnitCount)
    return text.utf8CodeUnitCount
  }

  @inlinable @inline(__always)
  public static func put(_ bytes: UnsafeBufferPointer<UInt8>, at out: UnsafeMutablePointer<UInt8>) -> Int {
    // An empty buffer may have no address.
    guard let start = bytes.baseAddress else { return 0 }
    out.update(from: start, count: bytes.count)
    return bytes.count
  }

  /// Copies `range` of the buffer that begins at `base`.
  @inlinable @inline(__always)
  public static func put(
    _ range: ByteRange, of base: UnsafePointer<UInt8>, at out: UnsafeMutablePointer<UInt8>
  ) -> Int {
    out.update(from: base + Int(range.start), count: Int(range.count))
    return Int(range.count)
  }

  @inlinable
  public static func putDecimal(_ value: UInt64, at out: UnsafeMutablePointer<UInt8>) -> Int {
    var count = 1
    var rest = value / 10
    while rest > 0 {
      count &+= 1
      rest /= 10
    }
    rest = value
    var at = count
    while at > 0 {
      at &-= 1
      out[at] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
    return count
  }

  /// `chunk-size CRLF` (RFC 9112 §7.1). A size of 0 is the last chunk, so write it only to end a body.
  @inlinable
  public static func putChunkHeader(_ size: Int, at out: UnsafeMutablePointer<UInt8>) -> Int {
    let value = UInt64(UInt(bitPattern: size))
    // Hexadecimal digits: four bits each, and one for zero.
    let count = max(1, (64 &- value.leadingZeroBitCount &+ 3) / 4)
    var rest = value
    var at = count
    while at > 0 {
      at &-= 1
      let digit = UInt8(truncatingIfNeeded: rest & 0xF)
      out[at] = digit < 10 ? 0x30 &+ digit : 0x57 &+ digit
      rest >>= 4
    }
    out[count] = 0x0D
    out[count &+ 1] = 0x0A
    return count &+ 2
  }
}
