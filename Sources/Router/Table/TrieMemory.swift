internal import Synchronization

/// Makes, shares and frees the nodes and entries of all tables that descend from one, and counts them.
///
/// Tables are dropped by whichever worker lets go of one last, so the counts are atomic. Counting happens when tables
/// are made and dropped, never when they are read.
final class TrieMemory: Sendable {
  let nodesLive = Atomic<Int>(0)
  let entriesLive = Atomic<Int>(0)
  /// Since the beginning: what a change costs is the difference.
  let nodesMade = Atomic<Int>(0)

  // MARK: Counting holders

  func retain(_ link: TrieLink) {
    if link.isEntry {
      link.entry.header.pointee.references.wrappingAdd(1, ordering: .relaxed)
    } else {
      retain(link.node)
    }
  }

  func retain(_ node: TrieNode) {
    node.header.pointee.references.wrappingAdd(1, ordering: .relaxed)
  }

  func release(_ link: TrieLink) {
    if link.isEntry { release(link.entry) } else { release(link.node) }
  }

  func release(_ entry: RouteEntry) {
    // Acquiring and releasing: the last holder frees what the others have read.
    let left = entry.header.pointee.references.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
    guard left == 0 else { return }
    entry.destroy()
    entriesLive.wrappingSubtract(1, ordering: .relaxed)
  }

  /// Recursion is as deep as the trie: 12 at most.
  func release(_ node: TrieNode) {
    let left = node.header.pointee.references.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
    guard left == 0 else { return }
    for index in 0..<node.linkCount { release(node.links[index]) }
    freeShell(node)
  }

  /// Whether only the caller can see `node`, given that the same holds for the way to it. Nobody else can then come to
  /// hold it, so the answer stays true.
  func isUnshared(_ node: TrieNode) -> Bool {
    node.header.pointee.references.load(ordering: .acquiring) == 1
  }

  // MARK: Making nodes

  func counted(_ entry: RouteEntry) -> RouteEntry {
    entriesLive.wrappingAdd(1, ordering: .relaxed)
    return entry
  }

  /// The links are raw memory until the caller has written them.
  func makeNode(bitmap: UInt64, linkCount: Int) -> TrieNode {
    let size = MemoryLayout<TrieNode.Header>.stride + linkCount * MemoryLayout<TrieLink>.stride
    let block = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: MemoryLayout<TrieNode.Header>.alignment)
    let header = block.bindMemory(to: TrieNode.Header.self, capacity: 1)
    header.initialize(to: TrieNode.Header(linkCount: UInt32(linkCount), bitmap: bitmap))
    nodesMade.wrappingAdd(1, ordering: .relaxed)
    nodesLive.wrappingAdd(1, ordering: .relaxed)
    return TrieNode(header: header)
  }

  /// Frees a node whose links were moved elsewhere or released.
  func freeShell(_ node: TrieNode) {
    node.header.deinitialize(count: 1)
    UnsafeMutableRawPointer(node.header).deallocate()
    nodesLive.wrappingSubtract(1, ordering: .relaxed)
  }

  // MARK: Changing nodes. Each takes over the caller's reference to `node` and gives back one to the result.

  /// The same node if nobody else sees it, else a copy that shares everything below.
  func editable(_ node: TrieNode) -> TrieNode {
    if isUnshared(node) { return node }
    let copy = makeNode(bitmap: node.bitmap, linkCount: node.linkCount)
    for index in 0..<node.linkCount {
      retain(node.links[index])
      copy.links[index] = node.links[index]
    }
    release(node)
    return copy
  }

  /// With one link more. Takes over the reference that `link` stands for.
  func widened(_ node: TrieNode, by link: TrieLink, at index: Int, bitmap: UInt64) -> TrieNode {
    let wider = makeNode(bitmap: bitmap, linkCount: node.linkCount + 1)
    let parting = Parting(from: node, self)
    parting.carry(0..<index, to: wider.links)
    wider.links[index] = link
    parting.carry(index..<node.linkCount, to: wider.links + index + 1)
    parting.end()
    return wider
  }

  /// With one link less; what it led to is released.
  func narrowed(_ node: TrieNode, at index: Int, bitmap: UInt64) -> TrieNode {
    let narrower = makeNode(bitmap: bitmap, linkCount: node.linkCount - 1)
    let parting = Parting(from: node, self)
    parting.carry(0..<index, to: narrower.links)
    parting.drop(index)
    parting.carry(index + 1..<node.linkCount, to: narrower.links + index)
    parting.end()
    return narrower
  }

  /// What remains of a node of two links without the one at `index`.
  func remainder(of node: TrieNode, without index: Int) -> TrieLink {
    let kept = node.links[1 - index]
    retain(kept)
    release(node)
    return kept
  }
}

/// Leaving a node for a new one of another size: out of an unshared node the references move along, out of a shared one
/// each link gets one more.
private struct Parting {
  let node: TrieNode
  let memory: TrieMemory
  /// Asked once. Another thread may let go of a shared node at any time, and half-way is no time to change one's mind.
  let moves: Bool

  init(from node: TrieNode, _ memory: TrieMemory) {
    self.node = node
    self.memory = memory
    moves = memory.isUnshared(node)
  }

  func carry(_ range: Range<Int>, to place: UnsafeMutablePointer<TrieLink>) {
    for (offset, index) in range.enumerated() {
      if !moves { memory.retain(node.links[index]) }
      place[offset] = node.links[index]
    }
  }

  func drop(_ index: Int) {
    if moves { memory.release(node.links[index]) }
  }

  func end() {
    if moves { memory.freeShell(node) } else { memory.release(node) }
  }
}
