internal import Glibc

/// Ciphertext that the sessions of one worker have produced and that awaits one socket write.
///
/// One per worker, confined to its loop. The worker reads `base` and `count` after every call into a session, gives those
/// bytes to the socket (or copies what the socket would not take), and resets.
public final class TLSOutput {
  /// What sessions append to. It lives outside the object because appending happens inside OpenSSL calls: see `SessionWire`.
  let cursor: UnsafeMutablePointer<OutputCursor>
  private let usualCapacity: Int

  /// 256 KiB holds a turn of several 64 KiB relay writes with their record headers. Pages that were never written cost nothing.
  public init(capacity: Int = 262_144) {
    precondition(capacity > 0)
    usualCapacity = capacity
    cursor = .allocate(capacity: 1)
    cursor.initialize(to: OutputCursor(capacity: capacity))
  }

  deinit {
    free(cursor.pointee.base)
    cursor.deallocate()
  }

  /// Valid until the next call into a session that shares this output.
  public var base: UnsafeMutablePointer<UInt8> { cursor.pointee.base }
  public var count: Int { cursor.pointee.count }

  /// Forgets the bytes. A buffer that one burst blew up is given back; growing up to four times is left alone, so that a
  /// worker whose turns are simply large does not reallocate in each of them.
  public func reset() {
    cursor.pointee.count = 0
    if cursor.pointee.capacity > 4 * usualCapacity {
      free(cursor.pointee.base)
      cursor.pointee = OutputCursor(capacity: usualCapacity)
    }
  }
}

/// A growing buffer in plain memory. Invariant: 0 <= count <= capacity, and `base` is a malloc'ed block of `capacity`.
struct OutputCursor {
  var base: UnsafeMutablePointer<UInt8>
  var count: Int
  var capacity: Int

  init(capacity: Int) {
    base = OutputCursor.allocated(realloc(nil, capacity))
    count = 0
    self.capacity = capacity
  }

  static func allocated(_ block: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<UInt8> {
    guard let block else { fatalError("out of memory for TLS output") }
    return block.assumingMemoryBound(to: UInt8.self)
  }
}

extension UnsafeMutablePointer<OutputCursor> {
  /// Grows rather than refuses: OpenSSL has already counted the record in its sequence number, so a lost one ends the session.
  func append(_ bytes: UnsafeRawPointer, _ count: Int) {
    let needed = pointee.count + count
    if needed > pointee.capacity {
      pointee.capacity = Swift.max(needed, 2 * pointee.capacity)
      pointee.base = OutputCursor.allocated(realloc(pointee.base, pointee.capacity))
    }
    memcpy(pointee.base + pointee.count, bytes, count)
    pointee.count = needed
  }
}
