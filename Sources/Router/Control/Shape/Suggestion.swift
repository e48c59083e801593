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

  /// Optimal string alignment: insertions, deletions, replacements and swapped neighbours, one each.
  private static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
    var rows = [[Int]](repeating: Array(0...other.count), count: one.count + 1)
    for i in 0...one.count { rows[i][0] = i }
    for i in one.indices {
      for j in other.indices {
        let replaced = rows[i][j] + (one[i] == other[j] ? 0 : 1)
        rows[i + 1][j + 1] = min(rows[i][j + 1] + 1, rows[i + 1][j] + 1, replaced)
        if i > 0, j > 0, one[i] == other[j - 1], one[i - 1] == other[j] {
          rows[i + 1][j + 1] = min(rows[i + 1][j + 1], rows[i - 1][j - 1] + 1)
        }
      }
    }
    return rows[one.count][other.count]
  }
}
