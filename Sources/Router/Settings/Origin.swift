/// Where a value was written: the place that an error points at.
public enum Origin: Hashable, Sendable {
  case file(String, line: Int, column: Int)
  case environment(variable: String)
  /// Nothing was written: there is no configuration file, and the environment did not say either.
  case nowhere
}

extension Origin: CustomStringConvertible {
  public var description: String {
    switch self {
    case .file(let name, let line, let column): "\(name):\(line):\(column)"
    case .environment(let variable): "environment variable \(variable)"
    case .nowhere: "configuration"
    }
  }
}
