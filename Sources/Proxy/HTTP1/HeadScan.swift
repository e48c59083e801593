/// How far the search for the end of a head got. One per connection, reset for each message.
///
/// Every byte is searched once however the head arrives, so a client that sends one byte at a time costs O(n). Faults are
/// found in the order of the bytes, so the answer does not depend on how they were split.
///
/// Invariant: `start <= lineStart <= position <= count`, all relative to the buffer's base; bytes before `position` hold
/// no control byte but HTAB and whole CRLFs. A caller that moves the bytes to the front of another buffer may go on.
public struct HeadScan {
  /// Where the start line begins: 2 after an empty line in front of it.
  var start = 0
  /// Where the start line's CRLF is; 0 until it has been found.
  var startLineEnd = 0
  /// The next byte to look at.
  private(set) var position = 0
  private var lineStart = 0
  /// Complete field lines so far.
  private(set) var fieldLines = 0

  public init() {}

  public mutating func reset() { self = HeadScan() }

  enum Progress: Equatable {
    case more
    case found
    /// A bare CR, a bare LF, NUL or another control byte.
    case badByte
    case lineTooLong
    case tooManyLines
  }

  /// Begins the search behind an empty line.
  mutating func skip(to offset: Int) {
    start = offset
    lineStart = offset
    position = offset
  }

  /// Looks for the CRLF of the start line, which may have `lineBytesMax` bytes before it.
  mutating func findStartLine(
    _ base: UnsafePointer<UInt8>, end: Int, lineBytesMax: Int, allowsTab: Bool
  ) -> Progress {
    while true {
      position = Scan.control(base, from: position, to: end)
      if position &- start > lineBytesMax { return .lineTooLong }
      if position == end { return .more }
      if base[position] == Byte.cr {
        if position &+ 1 == end { return .more }
        guard base[position &+ 1] == Byte.lf else { return .badByte }
        startLineEnd = position
        position &+= 2
        lineStart = position
        return .found
      }
      guard allowsTab, base[position] == Byte.tab else { return .badByte }
      position &+= 1
    }
  }

  /// Looks for the empty line that ends a section of field lines. Then `position` is behind it.
  mutating func findEmptyLine(_ base: UnsafePointer<UInt8>, end: Int, linesMax: Int) -> Progress {
    while true {
      position = Scan.control(base, from: position, to: end)
      if position == end { return .more }
      if base[position] == Byte.cr {
        if position &+ 1 == end { return .more }
        guard base[position &+ 1] == Byte.lf else { return .badByte }
        let isEmpty = position == lineStart
        position &+= 2
        lineStart = position
        if isEmpty { return .found }
        fieldLines &+= 1
        if fieldLines > linesMax { return .tooManyLines }
        continue
      }
      guard base[position] == Byte.tab else { return .badByte }
      position &+= 1
    }
  }
}
