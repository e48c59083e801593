internal import COpenSSL

/// What is wrong with TLS material that an operator gave us, and what to do about it. Control plane only: sessions report
/// `TLSFailure`.
public struct TLSError: Error, Equatable, CustomStringConvertible {
  /// The file at fault, when there is one.
  public let path: String?
  public let problem: String
  public let advice: String

  init(_ problem: String, path: String? = nil, advice: String = "") {
    self.path = path
    self.problem = problem
    self.advice = advice
  }

  public var description: String {
    (path.map { "\($0): " } ?? "") + problem + (advice.isEmpty ? "" : ". \(advice)")
  }
}

extension TLSError {
  /// Wraps the newest OpenSSL error of this thread, and empties the queue.
  static func openSSL(_ problem: String, path: String? = nil, advice: String = "") -> TLSError {
    let code = ERR_peek_last_error()
    ERR_clear_error()
    let reason = code == 0 ? "" : " (\(TLSFailure.reasonText(code)))"
    return TLSError(problem + reason, path: path, advice: advice)
  }
}
