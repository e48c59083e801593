import Glibc

/// Ends a command with a message on standard error.
struct CommandFailure: Error {
  enum Status: Int32 {
    case success = 0
    /// It was asked rightly and did not work.
    case failure = 1
    /// The command line or the configuration is wrong: asking again will not help.
    case misuse = 2

    func exit() -> Never { Glibc.exit(rawValue) }
  }

  /// Empty where everything was said already.
  let message: String
  let status: Status

  init(_ message: String, status: Status = .failure) {
    self.message = message
    self.status = status
  }
}
