public import Sandbox

/// Tries whether something answers on a port of a sandbox. The caller bounds how often.
public protocol PortProbe: Sendable {
  /// Whether a connection could be made. It is closed again at once.
  func connect(_ endpoint: Endpoint, deadline: Deadline) async -> Bool
  /// The status of `GET path` with this `Host`; nil where no answer came.
  func get(_ endpoint: Endpoint, host: String, path: String, deadline: Deadline) async -> Int?
}
