public import Bytes
public import Loop

/// One request to the control API, as the data plane hands it over: on the control loop, the body as it comes, the answer
/// whole or as it is made.
///
/// Exactly one of `respond` and `begin` … `end` is called. When the client has gone, writing and reading throw, and
/// responding does nothing.
@ControlLoop
public protocol APICall: AnyObject, Sendable {
  var method: String { get }
  /// Without the query, as it was sent.
  var path: String { get }
  /// What follows the question mark; empty where there is none.
  var query: String { get }
  /// The host that was asked for, in lower case and without the port.
  var host: String { get }
  /// Names in lower case, in their order; credentials included.
  var headers: [(name: String, value: String)] { get }
  /// Who asks.
  var client: IPAddress { get }
  /// On the `api` listener, rather than on `api.<domain>` or `<id>.<domain>`.
  var isOnListener: Bool { get }
  var requestID: String { get }

  /// The whole body. Throws `.tooLarge` as soon as there is more than `limit`.
  func body(limit: Int) async throws(APICallError) -> [UInt8]
  /// The next piece of the body, nil at its end. The client is held back until it is asked for.
  func nextChunk() async throws(APICallError) -> [UInt8]?

  /// A whole answer. Names in lower case; length, date and the like are added.
  func respond(status: Int, headers: [(name: String, value: String)], body: [UInt8])
  /// The head of an answer whose body is written piece by piece.
  func begin(status: Int, headers: [(name: String, value: String)])
  /// Returns when the client may be sent more. Throws `.gone` when nobody is there to read it.
  func write(_ bytes: [UInt8]) async throws(APICallError)
  func end()
  /// Cuts an answer that cannot be completed, so that its reader notices.
  func abort()
}

public enum APICallError: Error, Hashable, Sendable {
  case gone
  case tooLarge
  /// The client took too long.
  case timedOut
}
