import Glibc

/// Ends a command with a message on standard error.
struct CommandFailure: Error {
  struct Status: Equatable {
    let code: Int32

    static let success = Status(code: 0)
    /// It was asked rightly and did not work.
    static let failure = Status(code: 1)
    /// The command line or the configuration is wrong: asking again will not help.
    static let misuse = Status(code: 2)

    func exit() -> Never { Glibc.exit(code) }
  }

  /// Empty where everything was said already.
  var message: String
  var status: Status
  /// For standard output: with `--json`, what the API said instead of an answer. Empty for nothing.
  var output = ""

  init(_ message: String, status: Status = .failure) {
    self.message = message
    self.status = status
  }
}
