internal import Bytes

/// Durations as people write them: `900`, `15m`, `2h`, `1d`.
enum DurationText {
  /// Seconds; nil for anything else, fractions included.
  static func seconds(_ text: String) -> Int64? {
    let units: [(suffix: Character, factor: Int64)] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]
    let unit = text.last.flatMap { last in units.first { $0.suffix == last } }
    let digits = unit == nil ? Substring(text) : text.dropLast()
    guard !digits.isEmpty, digits.utf8.count <= 12, digits.utf8.allSatisfy(ASCII.isDigit), let count = Int64(digits)
    else { return nil }
    return count * (unit?.factor ?? 1)
  }

  static func seconds(_ value: JSONValue) -> Int64? { value.integer ?? value.text.flatMap { seconds($0) } }
}
