public import HTTP1

/// Why there is no answer, or not all of it. What the server itself refused is no error here but an answer with a status.
public enum ClientError: Error, Equatable, Sendable {
  /// What is wrong with it, in a sentence.
  case badURL(String)
  /// A header field or a target that could not be sent as it is: our caller's fault. Its value is not repeated, since it
  /// may be a secret.
  case badRequest(String)
  /// The certificates to trust cannot be read.
  case trust(String)
  case unknownHost(String, reason: String)
  /// Nothing listens there.
  case refused(String)
  case unreachable(String, reason: String)
  /// TLS was spoken to, and something else answered.
  case notTLS(String)
  /// The server's certificate is not one to trust for that name.
  case untrusted(String, reason: String)
  case tls(String, reason: String)
  /// Nothing happened for so long.
  case timedOut(String, afterMs: Int)
  /// The connection ended in the middle.
  case cut(String)
  case malformed(HeadError?)
  /// More than was asked for.
  case tooLarge(bytes: Int)
  /// The body to send could not be had.
  case source(String)
  /// The answer could not be put where it belongs.
  case sink(String)
}

extension ClientError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .badURL(let text), .badRequest(let text), .trust(let text), .source(let text), .sink(let text): text
    case .unknownHost(let host, let reason): "\(host) cannot be found: \(reason)"
    case .refused(let address): "nothing listens on \(address)"
    case .unreachable(let address, let reason): "\(address) cannot be reached: \(reason)"
    case .notTLS(let address): "\(address) does not speak TLS"
    case .untrusted(let host, let reason): "the certificate of \(host) is not to be trusted: \(reason)"
    case .tls(let host, let reason): "no TLS with \(host): \(reason)"
    case .timedOut(let address, let afterMs): "\(address) did not answer for \(ClientError.text(ms: afterMs))"
    case .cut(let address): "\(address) ended the connection before its answer was over"
    case .malformed(let error): "the answer is no HTTP/1.1" + (error.map { " (\($0))" } ?? "")
    case .tooLarge(let bytes): "the answer has more than \(bytes) bytes"
    }
  }

  private static func text(ms: Int) -> String { ms % 1000 == 0 ? "\(ms / 1000) s" : "\(ms) ms" }
}
