/// A small blocking HTTP/1.1 client for the command line: a connection per request, no redirects, no retries, no proxies,
/// no cookies. Whoever has work to do meanwhile uses something else.
public struct HTTPClient: Sendable {
  public var server: ServerURL
  /// PEM certificates to trust in place of the system's.
  public var caFile: String?
  /// For the connection and, each by itself, every step of the TLS handshake.
  public var connectTimeoutMs = 10_000
  public var userAgent: String

  public init(server: ServerURL, caFile: String? = nil, userAgent: String = "porthole") {
    self.server = server
    self.caFile = caFile
    self.userAgent = userAgent
  }

  /// Sends a request and returns with the head of the answer. Any status is an answer, no error.
  public func send(_ request: ClientRequest) throws(ClientError) -> ClientResponse {
    let head = try request.head(for: server, userAgent: userAgent)
    let connection = try Connection(
      to: server, caFile: caFile, connectTimeoutMs: connectTimeoutMs, idleTimeoutMs: request.idleTimeoutMs)
    let reader = ResponseHeadReader(connection: connection, method: request.method)
    try RequestWriter(connection: connection, reader: reader).send(request, head: head)
    return ClientResponse(head: try reader.read(), connection: connection)
  }
}
