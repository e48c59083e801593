public import Settings

/// Why a configuration was refused: every problem that was found, not only the first.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
  public typealias Problem = Problems.Problem

  /// At least one, in the order of the file.
  public let problems: [Problem]

  public var description: String { problems.map(\.description).joined(separator: "\n") }
}
