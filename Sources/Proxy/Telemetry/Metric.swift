/// Everything that a worker counts. The number of a case is its cell in `WorkerCounters`.
///
/// A new metric is a case here and a line in `MetricFamily.all`; a test holds the two together, and another holds
/// docs/metrics.md to them.
@frozen
public enum Metric: Int, CaseIterable, Sendable {
  // Connections from clients, by listener.
  case acceptedHTTPS, acceptedHTTP
  case openHTTPS, openHTTP
  // TLS towards clients. `handshakesResumed` are among `handshakesDone`.
  case handshakesDone, handshakesFailed, handshakesResumed
  // Requests by what the client speaks. A WebSocket counts as `requestsWebSocket` only, whichever HTTP carries it.
  case requestsHTTP1, requestsHTTP2, requestsWebSocket
  // Answers that came from an app. 1xx is 101 alone: interim answers belong to the final one.
  case responses1xx, responses2xx, responses3xx, responses4xx, responses5xx
  case requestsInFlight
  // Application bytes are what TLS carries; these are bytes on the wire, as the kernel took and gave them.
  case downstreamBytesReceived, downstreamBytesSent
  case upstreamBytesReceived, upstreamBytesSent
  // The upstream pool. `upstreamConnectionsIdle` are among `upstreamConnectionsOpen`.
  case upstreamDials, upstreamDialsFailed, upstreamDialRetries
  case upstreamConnectionsOpen, upstreamConnectionsIdle, upstreamConnectionsReused, upstreamStaleRetries
  case tunnelsOpen
  case http2StreamsOpen, http2ResetsReceived, http2ResetsSent
  // Sandboxes that do not run, and changes that end what runs.
  case requestsParked, wakesAsked, exchangesCut

  /// The cell that counts an app's answer of that status. Statuses beyond 5xx are not HTTP's and count as 5xx.
  @inlinable
  public static func response(status: UInt16) -> Metric {
    switch status {
    case ..<200: .responses1xx
    case ..<300: .responses2xx
    case ..<400: .responses3xx
    case ..<500: .responses4xx
    default: .responses5xx
    }
  }
}

/// What a worker times. The number of a case is its histogram in `WorkerCounters`.
@frozen
public enum Latency: Int, CaseIterable, Sendable {
  /// From the last byte of a request's head to the last byte of its answer.
  case request
  /// From the head sent upstream to the first byte of the answer.
  case firstByte
  /// From the first attempt to dial until connected, retries included.
  case dial
  /// From a connection accepted to its TLS handshake done.
  case handshake
  /// How late the loop ran its heartbeat timer: time that every connection of the worker had to wait.
  case loopLag
}
