/// One name in the exposition, and the cells that it shows.
struct MetricFamily {
  let name: StaticString
  let kind: PrometheusText.Kind
  let help: StaticString
  /// Labels without braces (`listener="https"`, or empty), and the cell with that label.
  let cells: [(labels: StaticString, metric: Metric)]

  init(_ name: StaticString, _ kind: PrometheusText.Kind, _ help: StaticString, _ cells: [(StaticString, Metric)]) {
    self.name = name
    self.kind = kind
    self.help = help
    self.cells = cells
  }

  static let all: [MetricFamily] = [
    MetricFamily(
      "porthole_downstream_connections_accepted_total", .counter, "Connections accepted from clients.",
      [(#"listener="https""#, .acceptedHTTPS), (#"listener="http""#, .acceptedHTTP)]),
    MetricFamily(
      "porthole_downstream_connections_open", .gauge, "Connections from clients that are open now.",
      [(#"listener="https""#, .openHTTPS), (#"listener="http""#, .openHTTP)]),
    MetricFamily(
      "porthole_tls_handshakes_total", .counter, "TLS handshakes with clients, by how they ended.",
      [(#"result="done""#, .handshakesDone), (#"result="failed""#, .handshakesFailed)]),
    MetricFamily(
      "porthole_tls_handshakes_resumed_total", .counter, "Handshakes done that resumed an earlier session.",
      [("", .handshakesResumed)]),
    MetricFamily(
      "porthole_requests_total", .counter, "Requests received, by protocol.",
      [
        (#"protocol="h1""#, .requestsHTTP1), (#"protocol="h2""#, .requestsHTTP2),
        (#"protocol="websocket""#, .requestsWebSocket),
      ]),
    MetricFamily(
      "porthole_requests_in_flight", .gauge, "Requests whose answer has not ended.", [("", .requestsInFlight)]),
    MetricFamily(
      "porthole_responses_total", .counter, "Answers forwarded from apps, by class of status.",
      [
        (#"code="1xx""#, .responses1xx), (#"code="2xx""#, .responses2xx), (#"code="3xx""#, .responses3xx),
        (#"code="4xx""#, .responses4xx), (#"code="5xx""#, .responses5xx),
      ]),
    MetricFamily(
      "porthole_downstream_bytes_received_total", .counter, "Bytes read from clients, TLS included.",
      [("", .downstreamBytesReceived)]),
    MetricFamily(
      "porthole_downstream_bytes_sent_total", .counter, "Bytes written to clients, TLS included.",
      [("", .downstreamBytesSent)]),
    MetricFamily(
      "porthole_upstream_bytes_received_total", .counter, "Bytes read from sandboxes.", [("", .upstreamBytesReceived)]),
    MetricFamily(
      "porthole_upstream_bytes_sent_total", .counter, "Bytes written to sandboxes.", [("", .upstreamBytesSent)]),
    MetricFamily(
      "porthole_upstream_dials_total", .counter, "Connections to sandboxes attempted.", [("", .upstreamDials)]),
    MetricFamily(
      "porthole_upstream_dials_failed_total", .counter, "Attempts that did not connect.", [("", .upstreamDialsFailed)]),
    MetricFamily(
      "porthole_upstream_dial_retries_total", .counter, "Attempts repeated because a port was not up yet.",
      [("", .upstreamDialRetries)]),
    MetricFamily(
      "porthole_upstream_connections_open", .gauge, "Connections to sandboxes that are open now.",
      [("", .upstreamConnectionsOpen)]),
    MetricFamily(
      "porthole_upstream_connections_idle", .gauge, "Open connections to sandboxes that no request uses.",
      [("", .upstreamConnectionsIdle)]),
    MetricFamily(
      "porthole_upstream_connections_reused_total", .counter, "Requests sent on a connection that was already open.",
      [("", .upstreamConnectionsReused)]),
    MetricFamily(
      "porthole_upstream_stale_retries_total", .counter,
      "Requests sent again because a reused connection turned out to be closed.", [("", .upstreamStaleRetries)]),
    MetricFamily(
      "porthole_tunnels_open", .gauge, "WebSockets and other upgraded connections that are open now.",
      [("", .tunnelsOpen)]),
    MetricFamily(
      "porthole_http2_streams_open", .gauge, "HTTP/2 streams with clients that are open now.", [("", .http2StreamsOpen)]
    ),
    MetricFamily(
      "porthole_http2_resets_total", .counter, "HTTP/2 streams that were reset, by who did it.",
      [(#"by="client""#, .http2ResetsReceived), (#"by="porthole""#, .http2ResetsSent)]),
    MetricFamily(
      "porthole_requests_parked", .gauge, "Requests that wait for their sandbox to run.", [("", .requestsParked)]),
    MetricFamily(
      "porthole_wakes_asked_total", .counter, "Times that waiting requests asked for a sandbox to be resumed.",
      [("", .wakesAsked)]),
    MetricFamily(
      "porthole_exchanges_cut_total", .counter,
      "Requests and tunnels ended because the sandbox, exposure or credential that they depended on was gone.",
      [("", .exchangesCut)]),
  ]
}

extension Latency {
  var family: (name: StaticString, help: StaticString) {
    switch self {
    case .request: ("porthole_request_duration_seconds", "From a request's head to the end of its answer.")
    case .firstByte: ("porthole_upstream_first_byte_seconds", "From the head sent upstream to the answer's first byte.")
    case .dial: ("porthole_upstream_dial_seconds", "From the first dial to connected, retries included.")
    case .handshake: ("porthole_tls_handshake_seconds", "From a connection accepted to its TLS handshake done.")
    case .loopLag: ("porthole_loop_lag_seconds", "How late the event loop ran its heartbeat.")
    }
  }
}
