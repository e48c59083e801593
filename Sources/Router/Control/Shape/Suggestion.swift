/// "Did you mean": the nearest of the names that there are.
enum Suggestion {
  static func nearest(to word: String, among names: [String]) -> String? {
    let folded = fold(word)
    let scored = names.map { (name: $0, distance: distance(folded, fold($0))) }
    guard let best = scored.min(by: { $0.distance < $1.distance }) else { return nil }
    // A third of the word may be wrong: more than that and the suggestion only confuses.
    return best.distance <= max(1, folded.count / 3) ? best.name : nil
  }

  /// `timeout_sec`, `timeout-sec` and `TimeoutSec` are all the same slip for `timeoutSec`. What is much longer than any
  /// name is cut, since a peer chooses it.
  private static func fold(_ word: String) -> [UInt8] {
    Array(word.lowercased().utf8.filter { $0 != 0x5F && $0 != 0x2D }.prefix(64))
  }

  /// Levenshtein's, one row at a time.
  private static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
    var row = Array(0...other.count)
    for (i, byte) in one.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, against) in other.enumerated() {
        let replaced = diagonal + (byte == against ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(row[j + 1] + 1, row[j] + 1, replaced)
      }
    }
    return row[other.count]
  }
}
