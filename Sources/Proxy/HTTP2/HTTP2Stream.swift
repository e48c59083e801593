public import Bytes

/// What one HTTP/2 stream still has to send, and whom it belongs to.
///
/// The session pulls from `outgoing` while frames are made. Invariant: after `isEnded` nothing is appended.
public final class HTTP2Stream {
  public internal(set) var id: Int32
  /// The exchange, unretained: its owner clears it before the exchange goes.
  public var owner: UnsafeMutableRawPointer?
  public var outgoing = ByteQueue()
  public internal(set) var isEnded = false
  /// Serialised trailer fields that are submitted after the last byte; empty for none.
  var trailers: [TrailerField] = []
  /// Set while the producer waits for room; the session lists the stream in `drained` when there is some again.
  public var wantsRoom = false
  /// The stream is gone from nghttp2; nothing may be submitted on it.
  public internal(set) var isClosed = false
  /// For the owner's counters: the stream has been counted.
  public var isCounted = false
  /// For the owner's watch over peers that do not read: what was left to send when it looked last.
  public var bytesSeen = -1
  var isDeferred = false
  var hasSentEnd = false
  var resetsAfterEnd = false

  init(id: Int32) { self.id = id }

  /// As new, for another id. Invariant: `outgoing` was emptied when the stream closed.
  func recycle() {
    owner = nil
    isEnded = false
    if !trailers.isEmpty { trailers = [] }
    wantsRoom = false
    isClosed = false
    isCounted = false
    bytesSeen = -1
    isDeferred = false
    hasSentEnd = false
    resetsAfterEnd = false
  }

  struct TrailerField {
    var name: [UInt8]
    var value: [UInt8]
  }
}
