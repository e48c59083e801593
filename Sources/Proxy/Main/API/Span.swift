/// A duration as people write it on a command line: `90s`, `15m`, `1h30m`, `2d`, `250ms`; a bare number is seconds.
struct Span: Equatable {
  let milliseconds: Int

  struct Invalid: Error, CustomStringConvertible {
    let description: String
  }

  private static let units: [(name: String, ms: Int)] = [
    ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
  ]
  /// A hundred years: more is a mistake, and sums of less do not overflow.
  private static let millisecondsMax = 36_500 * 86_400_000

  static func parse(_ text: String) throws -> Span {
    guard let span = Span(text) else { throw Invalid(description: "not a duration such as 90s, 15m, 1h30m or 2d") }
    return span
  }

  /// For what the API counts in seconds.
  static func parseSeconds(_ text: String) throws -> Int {
    let span = try parse(text)
    guard span.milliseconds % 1000 == 0 else { throw Invalid(description: "not a whole number of seconds") }
    return span.milliseconds / 1000
  }

  /// As `parseSeconds`, with `none` for 0, which switches something off.
  static func parseSecondsOrNone(_ text: String) throws -> Int { text == "none" ? 0 : try parseSeconds(text) }

  init(milliseconds: Int) { self.milliseconds = milliseconds }

  init?(_ text: String) {
    var rest = Substring(text)
    var sum = 0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest[digits.endIndex...]
      let name = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest[name.endIndex...]
      // Only alone: `1h30` leaves open what the 30 are.
      let unit = name.isEmpty && rest.isEmpty && digits.count == text.count ? "s" : String(name)
      guard let factor = Span.units.first(where: { $0.name == unit })?.ms,
        let part = Span.milliseconds(digits, factor)
      else { return nil }
      sum += part
      guard sum <= Span.millisecondsMax else { return nil }
    }
    milliseconds = sum
  }

  /// Nil where it is no number, or no whole number of milliseconds.
  private static func milliseconds(_ digits: Substring, _ factor: Int) -> Int? {
    guard digits.first != ".", digits.last != ".", let number = Double(digits) else { return nil }
    let exact = number * Double(factor)
    guard exact <= Double(millisecondsMax), exact == exact.rounded() else { return nil }
    return Int(exact)
  }

  /// The largest two units that say something: `2d 3h`, `15m`, `1.250s`, `0s`.
  var text: String {
    if milliseconds < 60_000 {
      let rest = milliseconds % 1000
      let digits = String(rest)
      return rest == 0
        ? "\(milliseconds / 1000)s"
        : "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - digits.count))\(digits)s"
    }
    var parts: [String] = []
    var left = milliseconds
    for unit in Span.units.reversed() where unit.ms >= 1000 {
      if left >= unit.ms { parts.append("\(left / unit.ms)\(unit.name)") }
      left %= unit.ms
      if parts.count == 2 { break }
    }
    return parts.joined(separator: " ")
  }
}

/// Amounts of memory and disk.
enum Size {
  /// MiB from `512`, `512MiB`, `2GiB`.
  static func parseMiB(_ text: String) throws -> Int {
    for (suffix, factor) in [("GiB", 1024), ("MiB", 1), ("", 1)] where text.hasSuffix(suffix) {
      let digits = text.dropLast(suffix.count)
      guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(digits), number <= 1 << 30 else {
        break
      }
      return number * factor
    }
    throw Span.Invalid(description: "not an amount such as 512MiB or 2GiB; a bare number is MiB")
  }

  /// `1.5 GiB`.
  static func text(bytes: Int) -> String {
    var value = Double(bytes)
    var unit = "B"
    for next in ["KiB", "MiB", "GiB", "TiB"] where value >= 1024 {
      value /= 1024
      unit = next
    }
    if unit == "B" { return "\(bytes) B" }
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
  }
}
