/// Durations and sizes as people write them.
public enum Units {
  /// `10` and `1.5` are seconds; `500ms`, `10s`, `2m`, `12h` and `365d` say their unit. Nil for anything else.
  public static func milliseconds(_ text: String) -> Int? {
    let factors: [(suffix: String, factor: Double)] = [
      ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("", 1000),
    ]
    return scaled(text, factors)
  }

  /// `65536`, `64KiB`, `10MiB`, `1GiB`. Nil for anything else: `10MB` could mean two things.
  public static func bytes(_ text: String) -> Int? {
    let factors: [(suffix: String, factor: Double)] = [
      ("KiB", 1024), ("MiB", 1_048_576), ("GiB", 1_073_741_824), ("", 1),
    ]
    return scaled(text, factors)
  }

  /// The first suffix that fits wins, so `ms` stands before `m` and `s`, and the empty one last.
  private static func scaled(_ text: String, _ factors: [(suffix: String, factor: Double)]) -> Int? {
    guard let (suffix, factor) = factors.first(where: { text.hasSuffix($0.suffix) }) else { return nil }
    let digits = text.dropLast(suffix.count)
    guard let number = decimal(digits), number * factor <= 1e15 else { return nil }
    let result = (number * factor).rounded()
    // 0.4 ms is not nothing: a value that only rounding makes zero is refused.
    return result == 0 && number > 0 ? nil : Int(result)
  }

  /// Digits with at most one point inside. No sign, exponent, hexadecimal or infinity, which `Double` would take.
  private static func decimal(_ text: Substring) -> Double? {
    guard let first = text.utf8.first, let last = text.utf8.last, first != 0x2E, last != 0x2E else { return nil }
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E }) else { return nil }
    return Double(text)
  }

  /// The shortest exact form, for messages: 10000 is `10s`, 90000 is `90s`, 86400000 is `1d`.
  public static func duration(_ milliseconds: Int) -> String {
    for (suffix, factor) in [("d", 86_400_000), ("h", 3_600_000), ("s", 1000)]
    where milliseconds >= factor && milliseconds % factor == 0 {
      return "\(milliseconds / factor)\(suffix)"
    }
    return "\(milliseconds)ms"
  }
}
