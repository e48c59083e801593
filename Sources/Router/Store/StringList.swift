/// Lists in one column: netstrings, `3:GET,4:POST,` (https://cr.yp.to/proto/netstrings.txt). Any text fits in, people can
/// read it, and reading a million of them takes no parser.
enum StringList {
  /// Nil for an empty list, which takes no room then.
  static func encode(_ strings: [String]) -> String? {
    if strings.isEmpty { return nil }
    var text = ""
    for string in strings { text += "\(string.utf8.count):\(string)," }
    return text
  }

  /// Nil for what `encode` does not write.
  static func decode(_ bytes: UnsafeBufferPointer<UInt8>) -> [String]? {
    var strings: [String] = []
    var at = 0
    while at < bytes.count {
      var count = 0
      let digits = at
      while at < bytes.count, bytes[at] >= 0x30, bytes[at] <= 0x39, at - digits < 9 {
        count = count * 10 + Int(bytes[at] - 0x30)
        at += 1
      }
      guard at > digits, at + count + 1 < bytes.count, bytes[at] == 0x3A, bytes[at + 1 + count] == 0x2C else {
        return nil
      }
      strings.append(String(decoding: UnsafeBufferPointer(rebasing: bytes[at + 1..<at + 1 + count]), as: UTF8.self))
      at += count + 2
    }
    return strings
  }
}

/// Sets of ports in one column: `3000,8080`, ascending. Empty text is the empty set.
enum PortList {
  static func encode(_ ports: Set<UInt16>) -> String {
    ports.sorted().map { String($0) }.joined(separator: ",")
  }

  /// Nil for what `encode` does not write.
  static func decode(_ bytes: UnsafeBufferPointer<UInt8>) -> Set<UInt16>? {
    if bytes.isEmpty { return [] }
    var ports: Set<UInt16> = []
    var port = 0
    var digits = 0
    for byte in bytes {
      switch byte {
      case 0x30...0x39 where digits < 5:
        port = port * 10 + Int(byte - 0x30)
        digits += 1
      case 0x2C where digits > 0 && port <= 65_535:
        ports.insert(UInt16(port))
        port = 0
        digits = 0
      default: return nil
      }
    }
    guard digits > 0, let last = UInt16(exactly: port) else { return nil }
    ports.insert(last)
    return ports
  }
}
