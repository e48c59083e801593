#if canImport(Glibc)
  import Glibc
#endif

/// Bytes in the order they were put in, in a chain of slabs; the memory of an empty queue is nothing.
///
/// Chunk layout inside its slab: next pointer (8 bytes), start (4), end (4), capacity (8), then the data.
/// Invariant: `count` is the sum of `end - start` over the chain, and no chunk but the last is ever empty.
public struct ByteQueue: ~Copyable {
  @usableFromInline static var headerBytes: Int { 24 }
  private var head: UnsafeMutablePointer<UInt8>?
  private var tail: UnsafeMutablePointer<UInt8>?
  public private(set) var count = 0

  public init() {}

  public var isEmpty: Bool { count == 0 }

  @inline(__always)
  private static func next(_ c: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8>? {
    UnsafeRawPointer(c).load(as: UnsafeMutablePointer<UInt8>?.self)
  }
  @inline(__always)
  private static func setNext(_ c: UnsafeMutablePointer<UInt8>, _ n: UnsafeMutablePointer<UInt8>?) {
    UnsafeMutableRawPointer(c).storeBytes(of: n, as: UnsafeMutablePointer<UInt8>?.self)
  }
  @inline(__always)
  private static func start(_ c: UnsafeMutablePointer<UInt8>) -> Int {
    Int(UnsafeRawPointer(c).load(fromByteOffset: 8, as: UInt32.self))
  }
  @inline(__always)
  private static func setStart(_ c: UnsafeMutablePointer<UInt8>, _ v: Int) {
    UnsafeMutableRawPointer(c).storeBytes(of: UInt32(truncatingIfNeeded: v), toByteOffset: 8, as: UInt32.self)
  }
  @inline(__always)
  private static func end(_ c: UnsafeMutablePointer<UInt8>) -> Int {
    Int(UnsafeRawPointer(c).load(fromByteOffset: 12, as: UInt32.self))
  }
  @inline(__always)
  private static func setEnd(_ c: UnsafeMutablePointer<UInt8>, _ v: Int) {
    UnsafeMutableRawPointer(c).storeBytes(of: UInt32(truncatingIfNeeded: v), toByteOffset: 12, as: UInt32.self)
  }
  @inline(__always)
  private static func capacity(_ c: UnsafeMutablePointer<UInt8>) -> Int {
    UnsafeRawPointer(c).load(fromByteOffset: 16, as: Int.self)
  }

  /// Copies bytes to the end.
  public mutating func append(_ base: UnsafePointer<UInt8>, _ bytes: Int, pool: SlabPool) {
    var from = base
    var left = bytes
    count &+= bytes
    if let last = tail {
      let room = min(ByteQueue.capacity(last) &- ByteQueue.end(last), left)
      if room > 0 {
        memcpy(last + ByteQueue.end(last), from, room)
        ByteQueue.setEnd(last, ByteQueue.end(last) &+ room)
        from += room
        left &-= room
      }
    }
    while left > 0 {
      let slab = pool.take(min(left &+ ByteQueue.headerBytes, 65_536))
      let chunk = slab.base
      ByteQueue.setNext(chunk, nil)
      ByteQueue.setStart(chunk, ByteQueue.headerBytes)
      UnsafeMutableRawPointer(chunk).storeBytes(of: slab.capacity, toByteOffset: 16, as: Int.self)
      let part = min(left, slab.capacity &- ByteQueue.headerBytes)
      memcpy(chunk + ByteQueue.headerBytes, from, part)
      ByteQueue.setEnd(chunk, ByteQueue.headerBytes &+ part)
      if let last = tail { ByteQueue.setNext(last, chunk) } else { head = chunk }
      tail = chunk
      from += part
      left &-= part
    }
  }

  /// The first contiguous bytes; nil when empty. Valid until the queue is consumed past them.
  public var front: UnsafeBufferPointer<UInt8>? {
    guard let first = head, count > 0 else { return nil }
    let start = ByteQueue.start(first)
    return UnsafeBufferPointer(start: first + start, count: ByteQueue.end(first) &- start)
  }

  /// Lends the chunks in order until `body` returns false. Appending while a chunk is lent does not move it.
  public func forEachChunk(_ body: (UnsafeBufferPointer<UInt8>) -> Bool) {
    var chunk = head
    while let current = chunk {
      let start = ByteQueue.start(current)
      let bytes = UnsafeBufferPointer(start: current + start, count: ByteQueue.end(current) &- start)
      if !bytes.isEmpty, !body(bytes) { return }
      chunk = ByteQueue.next(current)
    }
  }

  /// Forgets the first `bytes` bytes, which the queue must hold.
  public mutating func consume(_ bytes: Int, pool: SlabPool) {
    precondition(bytes <= count, "consumed more than was queued")
    count &-= bytes
    var left = bytes
    while let first = head {
      let start = ByteQueue.start(first)
      let held = ByteQueue.end(first) &- start
      if left < held {
        ByteQueue.setStart(first, start &+ left)
        return
      }
      left &-= held
      head = ByteQueue.next(first)
      if head == nil { tail = nil }
      pool.give(Slab(base: first, capacity: ByteQueue.capacity(first)))
      if left == 0 { return }
    }
  }

  /// Copies up to `bytes` bytes out and consumes them; returns how many.
  public mutating func take(into: UnsafeMutablePointer<UInt8>, _ bytes: Int, pool: SlabPool) -> Int {
    var copied = 0
    while copied < bytes, let chunk = front {
      let part = min(chunk.count, bytes &- copied)
      memcpy(into + copied, chunk.baseAddress!, part)
      copied &+= part
      consume(part, pool: pool)
    }
    return copied
  }

  public mutating func removeAll(pool: SlabPool) {
    while let first = head {
      head = ByteQueue.next(first)
      pool.give(Slab(base: first, capacity: ByteQueue.capacity(first)))
    }
    tail = nil
    count = 0
  }
}
