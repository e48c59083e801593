internal import Bytes

/// Writes a log line into memory that is known to have room for it.
///
/// Nothing here checks bounds: `AccessRecord.lineBytesMax` is reserved first, and its arithmetic counts six bytes out
/// for each byte in, the most that any escape below makes of one.
struct LineWriter {
  /// How bytes that don't belong into a line are written.
  enum Escaping {
    /// Inside a JSON string (RFC 8259 §7).
    case json
    /// Inside a quoted field of the common formats: `\xHH`, as nginx does it.
    case hex
  }

  /// Where the next byte goes. The memory belongs to whoever made the writer.
  private(set) var at: UnsafeMutablePointer<UInt8>

  init(at: UnsafeMutablePointer<UInt8>) { self.at = at }

  mutating func byte(_ byte: UInt8) {
    at.pointee = byte
    at += 1
  }

  mutating func literal(_ text: StaticString) {
    at.update(from: text.utf8Start, count: text.utf8CodeUnitCount)
    at += text.utf8CodeUnitCount
  }

  mutating func bytes(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let start = bytes.baseAddress else { return }
    at.update(from: start, count: bytes.count)
    at += bytes.count
  }

  mutating func address(_ ip: IPAddress) { at += ip.write(into: at) }

  mutating func decimal(_ value: UInt64) {
    var digits = 1
    var rest = value
    while rest >= 10 {
      rest /= 10
      digits += 1
    }
    decimal(value, digits: digits)
  }

  /// Exactly that many digits, with zeros in front.
  mutating func decimal(_ value: UInt64, digits: Int) {
    var rest = value
    var place = digits
    while place > 0 {
      place -= 1
      at[place] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
    at += digits
  }

  /// Microseconds as milliseconds: 1234 is `1.234`.
  mutating func milliseconds(us: UInt64) {
    decimal(us / 1_000)
    byte(UInt8(ascii: "."))
    decimal(us % 1_000, digits: 3)
  }

  mutating func escaped(_ bytes: UnsafeBufferPointer<UInt8>, _ escaping: Escaping) {
    guard let start = bytes.baseAddress else { return }
    switch escaping {
    case .json: jsonEscaped(start, count: bytes.count)
    case .hex: hexEscaped(start, count: bytes.count)
    }
  }

  /// Text stays text; everything else becomes `\u00HH` per byte, so that a line is valid UTF-8 whatever a client sent.
  private mutating func jsonEscaped(_ start: UnsafePointer<UInt8>, count: Int) {
    var index = 0
    while true {
      index += plainRun(start + index, count: count - index)
      if index == count { return }
      let next = start[index]
      if next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\") {
        byte(UInt8(ascii: "\\"))
        byte(next)
        index += 1
        continue
      }
      let length = UTF8Sequence.printableLength(at: start + index, available: count - index)
      if length == 0 {
        literal("\\u00")
        hex(next)
        index += 1
      } else {
        bytes(UnsafeBufferPointer(start: start + index, count: length))
        index += length
      }
    }
  }

  private mutating func hexEscaped(_ start: UnsafePointer<UInt8>, count: Int) {
    var index = 0
    while true {
      index += plainRun(start + index, count: count - index)
      if index == count { return }
      literal("\\x")
      hex(start[index])
      index += 1
    }
  }

  /// Copies bytes up to the first that is not plain, and says how many those were. Nearly always that is all of them,
  /// which is why eight are looked at together.
  private mutating func plainRun(_ start: UnsafePointer<UInt8>, count: Int) -> Int {
    var index = 0
    while count - index >= 8 {
      let word = UnsafeRawPointer(start + index).loadUnaligned(as: UInt64.self)
      guard LineWriter.isPlain(eight: word) else { break }
      UnsafeMutableRawPointer(at).storeBytes(of: word, as: UInt64.self)
      at += 8
      index += 8
    }
    while index < count, LineWriter.isPlain(start[index]) {
      byte(start[index])
      index += 1
    }
    return index
  }

  private mutating func hex(_ byte: UInt8) {
    let digits: StaticString = "0123456789abcdef"
    self.byte(digits.utf8Start[Int(byte >> 4)])
    self.byte(digits.utf8Start[Int(byte & 15)])
  }

  /// Printable ASCII that means nothing to either format.
  @inline(__always)
  private static func isPlain(_ byte: UInt8) -> Bool {
    byte &- 0x20 < 0x5F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }
  /// The same for eight bytes at once. Each term sets the top bit of a byte that is not plain; borrows may also set it
  /// in a byte above such a one, never without one.
  @inline(__always)
  private static func isPlain(eight word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quote = word ^ (ones &* 0x22)
    let backslash = word ^ (ones &* 0x5C)
    let hits =
      word | (word &+ ones)  // 0x80 and above; 0x7F
      | (word &- ones &* 0x20)  // below 0x20
      | (quote &- ones) | (backslash &- ones)
    return hits & (ones &* 0x80) == 0
  }
}
