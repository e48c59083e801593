public import Bytes
public import HTTP

/// Limits and times that every worker holds its peers to. A reload replaces the whole value; connections read it anew.
public struct EngineSettings: Sendable {
  public var head = HeadLimits()
  /// Bytes of one request's body; 0 is no limit.
  public var bodyBytesMax: UInt64 = 0
  public var streamsPerConnection: UInt32 = 128
  /// Client connections per worker; above it new ones are closed at once. 0 is no limit.
  public var connectionsMax = 0
  /// Idle upstream connections kept per sandbox port and worker.
  public var idleUpstreamsPerKey = 1024
  /// The same for all of a worker's sandboxes together.
  public var idleUpstreamsMax = 4096

  /// From accepted to the end of the TLS handshake.
  public var handshakeMs: UInt64 = 10_000
  /// From the first byte of a request to the end of its head.
  public var requestHeadMs: UInt64 = 10_000
  /// Between two pieces of a request's body.
  public var requestBodyIdleMs: UInt64 = 60_000
  /// An idle client connection.
  public var keepAliveIdleMs: UInt64 = 75_000
  /// One attempt to connect to a sandbox.
  public var dialMs: UInt64 = 5_000
  /// How long a refused dial is tried again before the answer is "port closed".
  public var dialRetryMs: UInt64 = 1_500
  /// The same for a request that has waited for its sandbox to run, whose app may still be starting.
  public var wokenDialRetryMs: UInt64 = 5_000
  /// How long a request waits for a sandbox that starts or wakes.
  public var parkMs: UInt64 = 30_000
  /// Requests that wait, per worker.
  public var parkedMax = 16_384
  /// Requests that wait for one sandbox, per worker.
  public var parkedPerSandboxMax = 4_096
  /// How long a cookie is good that a grant was exchanged for, in seconds.
  public var cookieSeconds: UInt64 = 604_800
  /// From the request sent to the response's head.
  public var responseHeadMs: UInt64 = 600_000
  /// An exchange in which neither side moves a byte.
  public var streamIdleMs: UInt64 = 3_600_000
  /// An idle upstream connection.
  public var upstreamIdleMs: UInt64 = 60_000
  /// What a drain waits for before it closes what is left.
  public var drainMs: UInt64 = 30_000

  /// The value of `Strict-Transport-Security`, or empty for none.
  public var hsts = ""
  public var writesAccessLog = false
  /// Where plain HTTP is sent: the port of the first TLS listener.
  public var redirectPort: UInt16 = 443

  /// Where this process listens itself. No sandbox leads there: in `open` mode any port may be asked for, and on a sandbox
  /// that is this machine one of them is our own api.
  public var ownAddresses: [SocketAddress] = []

  public init() {}
}
