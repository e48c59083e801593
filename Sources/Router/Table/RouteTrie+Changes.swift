internal import Sandbox

/// Changing a trie that nobody else sees yet. Nodes that other tries hold are copied on the way down, one per level;
/// nodes made earlier in the same batch of changes are written in place.
extension RouteTrie {
  mutating func put(_ record: SandboxRecord) {
    var id = record.id.text
    id.withUTF8 { key in put(RouteEntry(record, replacing: find(key), key: key, hash: hash(key))) }
  }

  mutating func put(gateway target: UpstreamTarget, key: UnsafeBufferPointer<UInt8>) {
    put(RouteEntry(gateway: target, key: key, hash: hash(key)))
  }

  /// Takes over the one reference that a new entry begins with.
  private mutating func put(_ entry: RouteEntry) {
    let entry = memory.counted(entry)
    if let root {
      self.root = inserting(entry, into: root, depth: 0)
    } else {
      let node = memory.makeNode(bitmap: 1 << RouteTrie.slot(entry.hash), linkCount: 1)
      node.links[0] = TrieLink(entry)
      root = node
      count = 1
    }
  }

  /// Nothing is copied for a key that is absent.
  mutating func remove(_ key: UnsafeBufferPointer<UInt8>) {
    guard let root, let entry = find(key) else { return }
    let hash = entry.hash
    self.root = removing(key, hash, from: root, depth: 0).map { left in
      guard left.isEntry else { return left.node }
      preconditionFailure("only nodes below the root collapse into an entry")
    }
    count -= 1
  }

  // MARK: Putting

  /// Takes over the references to both, and gives one to the result.
  private mutating func inserting(_ entry: RouteEntry, into node: TrieNode, depth: Int) -> TrieNode {
    if node.isBucket {
      if let index = RouteTrie.index(of: entry.key, hash: entry.hash, inBucket: node) {
        return replacing(index, in: node, by: entry)
      }
      count += 1
      return memory.widened(node, by: TrieLink(entry), at: node.linkCount, bitmap: 0)
    }

    let slot = RouteTrie.slot(entry.hash, depth: depth)
    let index = node.index(of: slot)
    guard node.has(slot) else {
      count += 1
      return memory.widened(node, by: TrieLink(entry), at: index, bitmap: node.bitmap | 1 << slot)
    }

    let link = node.links[index]
    if link.isEntry, link.entry.hasKey(entry.key, hash: entry.hash) { return replacing(index, in: node, by: entry) }
    let edited = memory.editable(node)
    if link.isEntry {
      count += 1
      edited.links[index] = TrieLink(branching(link.entry, entry, depth: depth + 1))
    } else {
      edited.links[index] = TrieLink(inserting(entry, into: link.node, depth: depth + 1))
    }
    return edited
  }

  private func replacing(_ index: Int, in node: TrieNode, by entry: RouteEntry) -> TrieNode {
    let edited = memory.editable(node)
    memory.release(edited.links[index])
    edited.links[index] = TrieLink(entry)
    return edited
  }

  /// The smallest trie of two entries, from `depth` on.
  private func branching(_ one: RouteEntry, _ other: RouteEntry, depth: Int) -> TrieNode {
    guard depth < RouteTrie.bucketDepth else {
      let bucket = memory.makeNode(bitmap: 0, linkCount: 2)
      bucket.links[0] = TrieLink(one)
      bucket.links[1] = TrieLink(other)
      return bucket
    }
    let (slot, otherSlot) = (RouteTrie.slot(one.hash, depth: depth), RouteTrie.slot(other.hash, depth: depth))
    guard slot != otherSlot else {
      let node = memory.makeNode(bitmap: 1 << slot, linkCount: 1)
      node.links[0] = TrieLink(branching(one, other, depth: depth + 1))
      return node
    }
    let node = memory.makeNode(bitmap: 1 << slot | 1 << otherSlot, linkCount: 2)
    node.links[slot < otherSlot ? 0 : 1] = TrieLink(one)
    node.links[slot < otherSlot ? 1 : 0] = TrieLink(other)
    return node
  }

  // MARK: Removing

  /// `key` is below `node`, whose reference is taken over. The result is what takes its place, with a reference: a
  /// node, the last entry of a node below the root, or nil for a root that is empty now.
  private func removing(
    _ key: UnsafeBufferPointer<UInt8>, _ hash: UInt64, from node: TrieNode, depth: Int
  ) -> TrieLink? {
    let slot = RouteTrie.slot(hash, depth: depth)
    let index = node.isBucket ? RouteTrie.index(of: key, hash: hash, inBucket: node)! : node.index(of: slot)
    let link = node.links[index]

    if link.isEntry {
      switch node.linkCount {
      case 1:
        memory.release(node)
        return nil
      case 2 where depth > 0 && node.links[1 - index].isEntry:
        return memory.remainder(of: node, without: index)
      default:
        return TrieLink(memory.narrowed(node, at: index, bitmap: node.isBucket ? 0 : node.bitmap & ~(1 << slot)))
      }
    }

    let edited = memory.editable(node)
    // Never nil: a node below the root has two entries, or leads to a node that has.
    let left = removing(key, hash, from: link.node, depth: depth + 1)!
    if left.isEntry, edited.linkCount == 1, depth > 0 {
      memory.freeShell(edited)
      return left
    }
    edited.links[index] = left
    return TrieLink(edited)
  }
}
