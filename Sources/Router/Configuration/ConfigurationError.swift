/// Why a configuration was refused: every problem that was found, not only the first.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// One thing to mend.
  public struct Problem: Hashable, Sendable, CustomStringConvertible {
    /// `porthole.yaml:3:10`, or `environment variable PORTHOLE_WORKERS`.
    public let place: String
    /// The key from the root, as in `runner.sandboxes[0].id`; empty where the file as a whole is at fault.
    public let keyPath: String
    /// What was expected and what was found, and what to do where that is not obvious.
    public let message: String

    public var description: String {
      keyPath.isEmpty ? "\(place): \(message)" : "\(place): \(keyPath): \(message)"
    }
  }

  /// At least one, in the order of the file.
  public let problems: [Problem]

  public var description: String { problems.map(\.description).joined(separator: "\n") }
}
