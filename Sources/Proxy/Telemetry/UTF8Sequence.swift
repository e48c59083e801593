/// What counts as text in a log: well-formed UTF-8 (RFC 3629 §4) without the control characters of a terminal.
enum UTF8Sequence {
  /// The length of the multi-byte character at `start`, 2 to 4, or 0 where there is none that may be shown.
  ///
  /// Overlong forms, surrogates and values above U+10FFFF have no legal second byte; U+0080–U+009F are the C1 controls,
  /// of which U+009B begins an escape sequence on some terminals.
  static func printableLength(at start: UnsafePointer<UInt8>, available: Int) -> Int {
    func follows(_ offset: Int) -> Bool { start[offset] & 0xC0 == 0x80 }
    let first = start[0]
    switch first {
    case 0xC2...0xDF:
      guard available >= 2, follows(1) else { return 0 }
      return first == 0xC2 && start[1] < 0xA0 ? 0 : 2
    case 0xE0...0xEF:
      guard available >= 3, follows(1), follows(2) else { return 0 }
      if first == 0xE0 && start[1] < 0xA0 { return 0 }
      if first == 0xED && start[1] >= 0xA0 { return 0 }
      return 3
    case 0xF0...0xF4:
      guard available >= 4, follows(1), follows(2), follows(3) else { return 0 }
      if first == 0xF0 && start[1] < 0x90 { return 0 }
      if first == 0xF4 && start[1] >= 0x90 { return 0 }
      return 4
    default: return 0
    }
  }
}
