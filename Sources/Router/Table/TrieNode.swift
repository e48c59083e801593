internal import Synchronization

/// An inner node of a trie, in one block of memory: a header, then its links, and nothing between them and the next cache
/// line but links. Shared between tables; written only while a single table that nobody has seen yet holds it.
struct TrieNode {
  struct Header: ~Copyable {
    let references = Atomic<UInt32>(1)
    /// Which of 32 slots have a link; links lie in the order of the slots. 0 in a bucket.
    var bitmap: UInt32
    let linkCount: UInt32
    /// At the depth where hashes are used up: links to entries of equal hash, in no order.
    let isBucket: Bool
  }

  let header: UnsafeMutablePointer<Header>

  var bitmap: UInt32 { header.pointee.bitmap }
  var linkCount: Int { Int(header.pointee.linkCount) }
  var isBucket: Bool { header.pointee.isBucket }

  @inline(__always)
  var links: UnsafeMutablePointer<TrieLink> {
    (UnsafeMutableRawPointer(header) + MemoryLayout<Header>.stride).assumingMemoryBound(to: TrieLink.self)
  }

  /// Where the link of a slot is, or would be put.
  @inline(__always)
  func index(of slot: UInt32) -> Int { (bitmap & ((1 << slot) &- 1)).nonzeroBitCount }

  @inline(__always)
  func has(_ slot: UInt32) -> Bool { bitmap & (1 << slot) != 0 }
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
