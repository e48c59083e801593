/// Which certificates answer for which host name. Pure; works with indices into the configured list.
///
/// Certificates that cover the same name with different kinds of key (ECDSA and RSA) are served together, as a group; of the same
/// kind, the one that was configured first wins.
struct CertificateNames {
  struct Entry {
    let names: [String]
    let keyKind: Int32
  }

  /// Distinct groups of certificate indices. The first is the default.
  let groups: [[Int]]
  private let exact: [String: Int]
  /// By what follows `*.`.
  private let wildcards: [String: Int]

  init(_ entries: [Entry]) {
    precondition(!entries.isEmpty)
    var groups: [[Int]] = []
    var exact: [String: Int] = [:]
    var wildcards: [String: Int] = [:]
    /// The number of the group for `name`, made when it is new.
    func group(for name: String) -> Int {
      var kinds: Set<Int32> = []
      let members = entries.indices.filter {
        entries[$0].names.contains(name) && kinds.insert(entries[$0].keyKind).inserted
      }
      if let known = groups.firstIndex(of: members) { return known }
      groups.append(members)
      return groups.count - 1
    }
    // The first certificate's first name makes the default group; a certificate without names still is one.
    if entries[0].names.isEmpty { groups.append([0]) }
    for name in entries.lazy.flatMap(\.names) {
      if name.hasPrefix("*.") {
        wildcards[String(name.dropFirst(2))] = group(for: name)
      } else {
        exact[name] = group(for: name)
      }
    }
    self.groups = groups
    self.exact = exact
    self.wildcards = wildcards
  }

  /// `name` in lower case. An exact name beats a wildcard, and a wildcard stands for one label (RFC 9525 §6.3).
  func group(for name: UnsafeBufferPointer<UInt8>) -> Int {
    guard !name.isEmpty, groups.count > 1 else { return 0 }
    let text = String(decoding: name, as: UTF8.self)
    if let group = exact[text] { return group }
    guard let dot = text.firstIndex(of: "."), dot != text.startIndex else { return 0 }
    return wildcards[String(text[text.index(after: dot)...])] ?? 0
  }
}
