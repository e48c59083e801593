import Settings

extension Configuration {
  /// What one client, one connection and one worker may take.
  public struct Limits: Sendable, Equatable {
    /// A request head or a response head, start line included. Default: 64 KiB.
    public var headBytes: Int
    /// Fields in one head. Default: 128.
    public var headFields: Int
    /// A request line, which is mostly the URL. Default: 16 KiB, or `headBytes` where that is less.
    public var requestLineBytes: Int
    /// A request body; nil is no limit. Default: nil.
    public var bodyBytes: Int?
    /// HTTP/2 streams open at once on one connection. Default: 128.
    public var streamsPerConnection: Int
    /// Client connections at once, over all workers; nil lets the open-files limit decide. Default: nil.
    public var connections: Int?
    /// Idle upstream connections that a worker keeps for one sandbox port. Default: 64.
    public var idleUpstreamPerKey: Int
    /// Idle upstream connections that a worker keeps in all. Default: 4096.
    public var idleUpstream: Int

    public init(
      headBytes: Int = 65536, headFields: Int = 128, requestLineBytes: Int = 16384, bodyBytes: Int? = nil,
      streamsPerConnection: Int = 128, connections: Int? = nil, idleUpstreamPerKey: Int = 1024, idleUpstream: Int = 4096
    ) {
      self.headBytes = headBytes
      self.headFields = headFields
      self.requestLineBytes = requestLineBytes
      self.bodyBytes = bodyBytes
      self.streamsPerConnection = streamsPerConnection
      self.connections = connections
      self.idleUpstreamPerKey = idleUpstreamPerKey
      self.idleUpstream = idleUpstream
    }
  }
}

extension Configuration.Limits {
  init(_ field: Field) {
    self.init()
    guard field.isSection("{headBytes: 64KiB}") else { return }
    headBytes = field["headBytes"].bytes(1024...1_048_576) ?? headBytes
    headFields = field["headFields"].integer(1...1024) ?? headFields
    requestLineBytes = field["requestLineBytes"].bytes(256...1_048_576) ?? min(requestLineBytes, headBytes)
    if requestLineBytes > headBytes {
      field["requestLineBytes"].refuse(
        "\(requestLineBytes) is more than limits.headBytes (\(headBytes)), of which it is a part")
    }
    // 0 says "no limit" for both, as it does in nginx.
    bodyBytes = field["bodyBytes"].bytes(0...(1 << 50)).flatMap { $0 == 0 ? nil : $0 }
    streamsPerConnection = field["streamsPerConnection"].integer(1...10_000) ?? streamsPerConnection
    if !field["connections"].isWord("auto") {
      connections = field["connections"].integer(0...10_000_000).flatMap { $0 == 0 ? nil : $0 }
    }
    idleUpstreamPerKey = field["idleUpstreamPerKey"].integer(0...65536) ?? idleUpstreamPerKey
    idleUpstream = field["idleUpstream"].integer(0...1_048_576) ?? idleUpstream
  }
}
