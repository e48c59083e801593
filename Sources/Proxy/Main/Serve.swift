import Configuration

/// Where the command line ends and the engine begins.
///
/// TODO(lead): replace the body once ProxyEngine can be started; the commands need nothing else from it.
enum Server {
  struct EngineMissing: Error, CustomStringConvertible {
    var description: String { "engine not linked yet" }
  }

  /// Runs until a signal ends it, and answers the exit status.
  ///
  /// - Parameter path: the file to read again on SIGHUP; nil where the configuration came from the environment or from
  ///   `porthole up`.
  static func run(_ configuration: Configuration, path: String?) throws -> Int32 {
    throw EngineMissing()
  }
}
