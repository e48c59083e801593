/// "Did you mean": the nearest known name, or all of them where none is near.
public enum Suggestion {
  /// What to put behind "unknown key": `; did you mean "workers"?` or `; expected one of a, b, c`.
  public static func text(for word: String, among names: [String]) -> String {
    if let name = nearest(to: word, among: names) { return "; did you mean \"\(name)\"?" }
    return "; expected one of \(names.joined(separator: ", "))"
  }

  /// - Parameter bytesMax: how much of a word is looked at; for words that a peer chooses, since the work grows with them.
  public static func nearest(to word: String, among names: [String], bytesMax: Int = .max) -> String? {
    let folded = Array(fold(word).prefix(bytesMax))
    let scored = names.map { (name: $0, distance: distance(folded, fold($0))) }
    guard let best = scored.min(by: { $0.distance < $1.distance }) else { return nil }
    // A third of the word may be wrong: more than that and the suggestion only confuses.
    return best.distance <= max(1, folded.count / 3) ? best.name : nil
  }

  /// `head_bytes`, `head-bytes` and `HeadBytes` are all the same slip for `headBytes`.
  private static func fold(_ word: String) -> [UInt8] {
    word.lowercased().utf8.filter { $0 != 0x5F && $0 != 0x2D }
  }

  /// Optimal string alignment: insertions, deletions, replacements and swapped neighbours, one each.
  static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
    var rows = [[Int]](repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
    for i in 0...a.count { rows[i][0] = i }
    for j in 0...b.count { rows[0][j] = j }
    for i in 1...a.count {
      for j in 1...b.count {
        let replaced = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
        rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, replaced)
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
        }
      }
    }
    return rows[a.count][b.count]
  }
}
