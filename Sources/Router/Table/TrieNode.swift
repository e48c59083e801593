internal import Synchronization

/// An inner node of a trie, in one block of memory: a header of 16 bytes, then its links. Shared between tables;
/// written only while a single table that nobody has seen yet holds it.
struct TrieNode {
  struct Header: ~Copyable {
    let references = Atomic<UInt32>(1)
    let linkCount: UInt32
    /// Which of 64 slots have a link; links lie in the order of the slots. 0 in a bucket.
    let bitmap: UInt64
  }

  let header: UnsafeMutablePointer<Header>

  var bitmap: UInt64 { header.pointee.bitmap }
  var linkCount: Int { Int(header.pointee.linkCount) }

  /// At the depth where hashes are used up: its links lead to entries of equal hash, in no order.
  var isBucket: Bool { bitmap == 0 }

  @inline(__always)
  var links: UnsafeMutablePointer<TrieLink> {
    (UnsafeMutableRawPointer(header) + MemoryLayout<Header>.stride).assumingMemoryBound(to: TrieLink.self)
  }

  /// Where the link of a slot is, or would be put.
  @inline(__always)
  func index(of slot: UInt64) -> Int { (bitmap & ((1 &<< slot) &- 1)).nonzeroBitCount }

  @inline(__always)
  func has(_ slot: UInt64) -> Bool { bitmap & (1 &<< slot) != 0 }
}

/// What a node's slot leads to: another node or an entry, told apart by the lowest bit of the pointer.
///
/// A stored link owns one reference to what it leads to. Copies of it in variables own nothing.
struct TrieLink {
  private let bits: UInt

  init(_ node: TrieNode) { bits = UInt(bitPattern: node.header) }
  init(_ entry: RouteEntry) { bits = UInt(bitPattern: entry.header) | 1 }

  var isEntry: Bool { bits & 1 != 0 }

  var node: TrieNode {
    TrieNode(header: UnsafeMutablePointer(bitPattern: bits).unsafelyUnwrapped)
  }

  var entry: RouteEntry {
    RouteEntry(header: UnsafeMutablePointer(bitPattern: bits ^ 1).unsafelyUnwrapped)
  }
}
