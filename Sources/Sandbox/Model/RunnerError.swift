/// Why a runner did not do what it was asked. Every case says what the caller can do about it; none carries secrets.
public enum RunnerError: Error, Hashable, Sendable {
  /// This runner cannot do that at all: 501, with the capability's name.
  case unsupported(RunnerCapability)
  /// It has no such sandbox, process, file or snapshot: 404. The text names what is missing.
  case notFound(String)
  /// Not in the state that the sandbox is in: 409.
  case conflict(String)
  /// A value that it cannot use: 422. `field` is the path in the request (`image`, `networkProfile`).
  case invalid(field: String, String)
  /// Nothing is left of something: memory, disk, addresses: 503.
  case exhausted(String)
  /// Not done when the deadline came: 504.
  case timedOut
  /// It tried and failed: 502. The text says what happened and what to do.
  case failed(String)
}

extension RunnerError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unsupported(let capability): "this runner has no capability \"\(capability.rawValue)\""
    case .notFound(let what): what
    case .conflict(let why): why
    case .invalid(let field, let why): "\(field): \(why)"
    case .exhausted(let what): what
    case .timedOut: "it was not done in time"
    case .failed(let why): why
    }
  }
}
