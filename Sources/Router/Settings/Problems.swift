/// Collects what is wrong during one load, so that somebody mends the file once and not once per mistake.
public final class Problems {
  /// One thing to mend.
  public struct Problem: Hashable, Sendable, CustomStringConvertible {
    /// `porthole.yaml:3:10`, or `environment variable PORTHOLE_WORKERS`.
    public let place: String
    /// The key from the root, as in `runner.sandboxes[0].id`; empty where the file as a whole is at fault.
    public let keyPath: String
    /// What was expected and what was found, and what to do where that is not obvious.
    public let message: String

    public init(place: String, keyPath: String, message: String) {
      self.place = place
      self.keyPath = keyPath
      self.message = message
    }

    public var description: String {
      keyPath.isEmpty ? "\(place): \(message)" : "\(place): \(keyPath): \(message)"
    }
  }

  private var found: [(origin: Origin, problem: Problem)] = []

  public func add(_ origin: Origin, _ keyPath: String, _ message: String) {
    let problem = Problem(place: origin.description, keyPath: keyPath, message: message)
    // One mistake can be met twice (an entry that two rules look at); saying it twice helps nobody.
    if !found.contains(where: { $0.problem == problem }) { found.append((origin, problem)) }
  }

  public init() {}

  /// In the order of the file; empty where nothing was wrong.
  public var inOrder: [Problem] {
    let sorted = found.enumerated().sorted {
      Problems.rank($0.element.origin, $0.offset) < Problems.rank($1.element.origin, $1.offset)
    }
    return sorted.map(\.element.problem)
  }

  /// In the file's own order first; what has no line keeps the order in which it was found.
  private static func rank(_ origin: Origin, _ index: Int) -> (Int, Int, Int) {
    if case .file(_, let line, let column) = origin { return (line, column, index) }
    return (.max, 0, index)
  }
}
