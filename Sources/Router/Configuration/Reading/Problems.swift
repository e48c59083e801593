/// Collects what is wrong during one load, so that somebody mends the file once and not once per mistake.
final class Problems {
  private var found: [(origin: Origin, problem: ConfigurationError.Problem)] = []

  func add(_ origin: Origin, _ keyPath: String, _ message: String) {
    let problem = ConfigurationError.Problem(place: origin.description, keyPath: keyPath, message: message)
    // One mistake can be met twice (an entry that two rules look at); saying it twice helps nobody.
    if !found.contains(where: { $0.problem == problem }) { found.append((origin, problem)) }
  }

  /// Nil where nothing was wrong.
  var error: ConfigurationError? {
    if found.isEmpty { return nil }
    let sorted = found.enumerated().sorted {
      Problems.rank($0.element.origin, $0.offset) < Problems.rank($1.element.origin, $1.offset)
    }
    return ConfigurationError(problems: sorted.map(\.element.problem))
  }

  /// In the file's own order first; what has no line keeps the order in which it was found.
  private static func rank(_ origin: Origin, _ index: Int) -> (Int, Int, Int) {
    if case .file(_, let line, let column) = origin { return (line, column, index) }
    return (.max, 0, index)
  }
}
