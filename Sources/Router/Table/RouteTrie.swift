/// A map from keys (ids, or hosts) to entries that is cheap to change by making a new one: a hash array mapped trie
/// (Bagwell, "Ideal Hash Trees", 2001) whose nodes never change once they are seen, so that tries share them.
///
/// Finding walks plain memory, six bits of the hash at a time: about log64 n steps, no lock and no reference counted.
/// It is safe because the trie that is asked holds its root, and every node holds what it links to.
///
/// Shape: a branch that is not the root has at least two entries below it, so a trie's shape depends on its entries
/// alone, and never on the changes that led to them.
struct RouteTrie: ~Copyable {
  /// Wide nodes make tries flat, and what a lookup among a million costs is the cache lines that it misses. What a
  /// change costs grows with the width: it copies a node of up to 64 links on each level.
  static let bitsPerLevel: UInt64 = 6
  /// 64 bits of hash, six at a time, last used at depth 10. Below it lie buckets of entries whose hashes are equal.
  static let bucketDepth = 11

  let hash: KeyHash
  let memory: TrieMemory
  /// Nil when empty. One reference is ours.
  var root: TrieNode?
  var count: Int

  init(hash: KeyHash, memory: TrieMemory) {
    self.init(hash: hash, memory: memory, root: nil, count: 0)
  }

  private init(hash: KeyHash, memory: TrieMemory, root: TrieNode?, count: Int) {
    self.hash = hash
    self.memory = memory
    self.root = root
    self.count = count
  }

  deinit {
    if let root { memory.release(root) }
  }

  /// Shares everything with this one, until either is changed.
  func copy() -> RouteTrie {
    if let root { memory.retain(root) }
    return RouteTrie(hash: hash, memory: memory, root: root, count: count)
  }

  /// Valid while the trie is.
  @inline(__always)
  func find(_ key: UnsafeBufferPointer<UInt8>) -> RouteEntry? {
    guard var node = root else { return nil }
    let hash = self.hash(key)
    var bitsLeft = hash
    while !node.isBucket {
      let slot = RouteTrie.slot(bitsLeft)
      guard node.has(slot) else { return nil }
      let link = node.links[node.index(of: slot)]
      if link.isEntry { return link.entry.hasKey(key, hash: hash) ? link.entry : nil }
      node = link.node
      bitsLeft &>>= RouteTrie.bitsPerLevel
    }
    return RouteTrie.index(of: key, hash: hash, inBucket: node).map { node.links[$0].entry }
  }

  @inline(__always)
  static func slot(_ hash: UInt64, depth: Int = 0) -> UInt64 {
    hash &>> (bitsPerLevel &* UInt64(depth)) & 63
  }

  static func index(of key: UnsafeBufferPointer<UInt8>, hash: UInt64, inBucket node: TrieNode) -> Int? {
    for index in 0..<node.linkCount where node.links[index].entry.hasKey(key, hash: hash) { return index }
    return nil
  }
}
