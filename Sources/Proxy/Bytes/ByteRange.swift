/// A place inside a buffer that somebody else owns: offset and length, both in bytes.
///
/// Heads are stored as ranges, never as pointers, so that the buffer below may be moved or grown.
@frozen
public struct ByteRange: Equatable, Sendable {
  public var start: UInt32
  public var count: UInt32

  @inlinable
  public init(start: Int, count: Int) {
    self.start = UInt32(truncatingIfNeeded: start)
    self.count = UInt32(truncatingIfNeeded: count)
  }

  @inlinable public static var empty: ByteRange { ByteRange(start: 0, count: 0) }
  @inlinable public var isEmpty: Bool { count == 0 }
  @inlinable public var end: Int { Int(start) + Int(count) }

  /// The bytes themselves, in the buffer that begins at `base`.
  @inlinable
  public func bytes(in base: UnsafePointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: base + Int(start), count: Int(count))
  }
}
