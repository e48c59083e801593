import Settings

extension Configuration {
  /// How long Porthole waits. The file's names have no `Ms`: there a bare number is seconds, and `500ms` says its unit.
  public struct Timeouts: Sendable, Equatable {
    /// From accept to the end of the TLS handshake. Default: 10 s.
    public var handshakeMs: Int
    /// From the first byte of a request head to its last. Default: 10 s.
    public var requestHeadMs: Int
    /// Between two reads of a request body. Default: 60 s.
    public var requestBodyIdleMs: Int
    /// A client connection without a request. Default: 75 s.
    public var keepAliveIdleMs: Int
    /// One attempt to connect to a sandbox or an upstream. Default: 5 s.
    public var dialMs: Int
    /// How long a port that refuses is tried again, since its service may still be starting. 0: not at all.
    /// Default: 1.5 s.
    public var dialRetryMs: Int
    /// From the end of a request to the response head; nil is forever. Default: 600 s.
    public var responseHeadMs: Int?
    /// A response stream, tunnel or WebSocket on which nothing moves either way; nil is forever. Default: 24 h, since
    /// terminals and kernels are left open overnight.
    public var streamIdleMs: Int?
    /// An upstream connection that waits in the pool. Default: 60 s.
    public var upstreamIdleMs: Int
    /// How long open requests may take to finish after SIGTERM. Default: 30 s.
    public var drainMs: Int

    public init(
      handshakeMs: Int = 10_000, requestHeadMs: Int = 10_000, requestBodyIdleMs: Int = 60_000,
      keepAliveIdleMs: Int = 75_000, dialMs: Int = 5_000, dialRetryMs: Int = 1_500, responseHeadMs: Int? = 600_000,
      streamIdleMs: Int? = 86_400_000, upstreamIdleMs: Int = 60_000, drainMs: Int = 30_000
    ) {
      self.handshakeMs = handshakeMs
      self.requestHeadMs = requestHeadMs
      self.requestBodyIdleMs = requestBodyIdleMs
      self.keepAliveIdleMs = keepAliveIdleMs
      self.dialMs = dialMs
      self.dialRetryMs = dialRetryMs
      self.responseHeadMs = responseHeadMs
      self.streamIdleMs = streamIdleMs
      self.upstreamIdleMs = upstreamIdleMs
      self.drainMs = drainMs
    }
  }
}

extension Configuration.Timeouts {
  init(_ field: Field) {
    self.init()
    guard field.isSection("{requestHead: 10s}") else { return }
    let hour = 3_600_000
    handshakeMs = field["handshake"].duration(100...hour) ?? handshakeMs
    requestHeadMs = field["requestHead"].duration(100...hour) ?? requestHeadMs
    requestBodyIdleMs = field["requestBodyIdle"].duration(100...24 * hour) ?? requestBodyIdleMs
    keepAliveIdleMs = field["keepAliveIdle"].duration(100...24 * hour) ?? keepAliveIdleMs
    dialMs = field["dial"].duration(10...hour) ?? dialMs
    dialRetryMs = field["dialRetry"].duration(0...hour) ?? dialRetryMs
    responseHeadMs = field["responseHead"].durationOrOff(100...168 * hour, absent: responseHeadMs)
    streamIdleMs = field["streamIdle"].durationOrOff(100...168 * hour, absent: streamIdleMs)
    upstreamIdleMs = field["upstreamIdle"].duration(100...24 * hour) ?? upstreamIdleMs
    drainMs = field["drain"].duration(0...24 * hour) ?? drainMs
  }
}

extension Field {
  /// `off` and 0 are nil, which is forever.
  fileprivate func durationOrOff(_ range: ClosedRange<Int>, absent: Int?) -> Int? {
    if isWord("off") || isWord("0") { return nil }
    return duration(range) ?? absent
  }
}
