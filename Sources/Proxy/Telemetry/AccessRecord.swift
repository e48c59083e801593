public import Bytes

/// One finished exchange, as the access log shows it. A borrowed view: the byte buffers belong to the caller and need
/// to live only while `AccessLogBuffer.append` runs. Empty buffers and nil fields are left out of the line.
public struct AccessRecord {
  public typealias Text = UnsafeBufferPointer<UInt8>

  /// When the request's head had arrived, nanoseconds since 1970.
  public var timeNs: UInt64 = 0
  public var client = IPAddress(high: 0, low: 0)
  public var method = Text(start: nil, count: 0)
  public var host = Text(start: nil, count: 0)
  /// Path and query as they came. Secrets in it are hidden by the log, not by the caller.
  public var target = Text(start: nil, count: 0)
  /// `HTTP/1.1`, `HTTP/2.0`, or `websocket`.
  public var protocolName: StaticString = "HTTP/1.1"
  /// `TLSv1.3`; nil on a listener without TLS.
  public var tls: StaticString?
  public var status: UInt16 = 0
  /// Bytes of the two bodies, or of the two directions of a tunnel.
  public var requestBytes: UInt64 = 0
  public var responseBytes: UInt64 = 0
  public var durationUs: UInt64 = 0
  /// Until the first byte from upstream; nil where there was none.
  public var firstByteUs: UInt64?
  public var sandbox = Text(start: nil, count: 0)
  /// The port inside the sandbox that was asked for; 0 where no sandbox was involved.
  public var port: UInt16 = 0
  /// Where the request was sent; nil where it was not forwarded, or not over TCP.
  public var upstream: SocketAddress?
  /// The word of our own refusal, `stage/code`; nil where an app answered.
  public var refusal: StaticString?
  public var requestID = Text(start: nil, count: 0)
  public var userAgent = Text(start: nil, count: 0)
  public var referer = Text(start: nil, count: 0)

  public init() {}

  /// How much of a field is logged; a longer one ends in `...`. The sum below is what makes a chunk large enough.
  enum BytesMax {
    static let method = 32
    static let host = 320  // a DNS name of 253 and a port, with room for what is not a DNS name
    static let target = 4_096
    static let sandbox = 64
    static let requestID = 128
    static let userAgent = 1_024
    static let referer = 2_048
  }

  /// Everything but the fields counted in `lineBytesMax`, rounded up:
  /// keys and punctuation 280, time 28, two addresses 2 * 46, two ports 2 * 5, status 5, two sizes 2 * 20, two times
  /// 2 * 21, three of our own words 3 * 64, seven times `...` 21.
  static let fixedBytesMax = 1_024
  /// The longest line there is: it has to fit into a chunk.
  static let lineBytesLimit =
    fixedBytesMax + 6
    * (BytesMax.method + BytesMax.host + BytesMax.target + BytesMax.sandbox + BytesMax.requestID + BytesMax.userAgent
      + BytesMax.referer)

  /// An upper bound of this record's line: an escape makes at most six bytes of one (`\u00HH`).
  var lineBytesMax: Int {
    let text =
      min(method.count, BytesMax.method) + min(host.count, BytesMax.host) + min(target.count, BytesMax.target)
      + min(sandbox.count, BytesMax.sandbox) + min(requestID.count, BytesMax.requestID)
      + min(userAgent.count, BytesMax.userAgent) + min(referer.count, BytesMax.referer)
    return AccessRecord.fixedBytesMax + 6 * text
  }
}
