/// A piece of raw memory lent by a `SlabPool`. Whoever holds it gives it back exactly once.
@frozen
public struct Slab {
  public let base: UnsafeMutablePointer<UInt8>
  public let capacity: Int

  @inlinable
  public init(base: UnsafeMutablePointer<UInt8>, capacity: Int) {
    self.base = base
    self.capacity = capacity
  }
}

/// Free lists of slabs in four sizes, for one worker. Taking and giving are a pointer swap.
///
/// What the lists keep is bounded (`keptBytesMax` per size): memory that a burst needed goes back to the system.
/// A request larger than the largest size is served by the allocator and never kept.
public final class SlabPool {
  /// Heads of small requests; usual heads; a TLS record or a read; a full read.
  @usableFromInline static let sizes = (2048, 16_384, 65_536)
  @usableFromInline static let keptBytesMax = 4 << 20

  @usableFromInline var lists: InlineArray<3, UnsafeMutablePointer<UInt8>?> = .init(repeating: nil)
  @usableFromInline var kept: InlineArray<3, Int> = .init(repeating: 0)
  /// Bytes that are lent out now: what the worker's connections hold beyond their fixed part.
  public private(set) var bytesLent = 0

  public init() {}

  deinit {
    for index in 0..<3 {
      while let slab = lists[index] {
        lists[index] = SlabPool.next(slab)
        slab.deallocate()
      }
    }
  }

  @inline(__always)
  private static func size(_ index: Int) -> Int { index == 0 ? sizes.0 : index == 1 ? sizes.1 : sizes.2 }

  @inline(__always)
  private static func index(for bytes: Int) -> Int {
    bytes <= sizes.0 ? 0 : bytes <= sizes.1 ? 1 : bytes <= sizes.2 ? 2 : 3
  }

  @inline(__always)
  private static func next(_ slab: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8>? {
    UnsafeRawPointer(slab).load(as: UnsafeMutablePointer<UInt8>?.self)
  }

  /// A slab of at least `bytes` bytes, its contents undefined.
  public func take(_ bytes: Int) -> Slab {
    let index = SlabPool.index(for: bytes)
    guard index < 3 else {
      bytesLent &+= bytes
      return Slab(base: .allocate(capacity: bytes), capacity: bytes)
    }
    let size = SlabPool.size(index)
    bytesLent &+= size
    guard let free = lists[index] else { return Slab(base: .allocate(capacity: size), capacity: size) }
    lists[index] = SlabPool.next(free)
    kept[index] &-= 1
    return Slab(base: free, capacity: size)
  }

  public func give(_ slab: Slab) {
    bytesLent &-= slab.capacity
    let index = SlabPool.index(for: slab.capacity)
    guard index < 3, SlabPool.size(index) == slab.capacity, kept[index] &* slab.capacity < SlabPool.keptBytesMax else {
      slab.base.deallocate()
      return
    }
    UnsafeMutableRawPointer(slab.base).storeBytes(of: lists[index], as: UnsafeMutablePointer<UInt8>?.self)
    lists[index] = slab.base
    kept[index] &+= 1
  }
}
