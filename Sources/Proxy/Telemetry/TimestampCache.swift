/// The written form of the current second. A busy worker logs many lines per second and formats the date once.
struct TimestampCache: ~Copyable {
  private let style: Style
  private var second = UInt64.max
  /// Owned here and freed in deinit.
  private let text: UnsafeMutablePointer<UInt8>
  private var count = 0

  enum Style {
    /// `2026-11-21T10:00:00.123Z` (RFC 3339)
    case rfc3339
    /// `21/Nov/2026:10:00:00 +0000`, as Apache and nginx write it
    case commonLog
  }

  init(_ style: Style) {
    self.style = style
    text = .allocate(capacity: 32)
  }

  deinit { text.deallocate() }

  mutating func write(ns: UInt64, to line: inout LineWriter) {
    let now = ns / 1_000_000_000
    if now != second {
      second = now
      format(CivilTime(secondsSinceEpoch: now))
    }
    line.bytes(UnsafeBufferPointer(start: text, count: count))
    if style == .rfc3339 {
      line.byte(UInt8(ascii: "."))
      line.decimal(ns / 1_000_000 % 1_000, digits: 3)
      line.byte(UInt8(ascii: "Z"))
    }
  }

  private mutating func format(_ time: CivilTime) {
    var out = LineWriter(at: text)
    switch style {
    case .rfc3339:
      out.decimal(UInt64(time.year), digits: 4)
      out.byte(UInt8(ascii: "-"))
      out.decimal(UInt64(time.month), digits: 2)
      out.byte(UInt8(ascii: "-"))
      out.decimal(UInt64(time.day), digits: 2)
      out.byte(UInt8(ascii: "T"))
    case .commonLog:
      out.decimal(UInt64(time.day), digits: 2)
      out.byte(UInt8(ascii: "/"))
      out.literal(TimestampCache.monthName(time.month))
      out.byte(UInt8(ascii: "/"))
      out.decimal(UInt64(time.year), digits: 4)
      out.byte(UInt8(ascii: ":"))
    }
    out.decimal(UInt64(time.hour), digits: 2)
    out.byte(UInt8(ascii: ":"))
    out.decimal(UInt64(time.minute), digits: 2)
    out.byte(UInt8(ascii: ":"))
    out.decimal(UInt64(time.second), digits: 2)
    if style == .commonLog { out.literal(" +0000") }
    count = out.at - text
  }

  private static func monthName(_ month: Int) -> StaticString {
    switch month {
    case 1: "Jan"
    case 2: "Feb"
    case 3: "Mar"
    case 4: "Apr"
    case 5: "May"
    case 6: "Jun"
    case 7: "Jul"
    case 8: "Aug"
    case 9: "Sep"
    case 10: "Oct"
    case 11: "Nov"
    default: "Dec"
    }
  }
}
