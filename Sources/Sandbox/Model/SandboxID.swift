/// A sandbox's name in its hostnames: `[a-z][a-z0-9-]{0,56}`, not ending in `-`.
///
/// With the longest port and its dash (`65535-`) it still fits one DNS label of 63 bytes (RFC 1035 §2.3.4).
public struct SandboxID: Hashable, Sendable, CustomStringConvertible {
  public static let lengthMax = 57
  public let text: String

  /// Nil where the text does not follow the rule. Upper case is not folded here: hosts are folded by their parser.
  public init?(_ text: String) {
    guard text.utf8.withContiguousStorageIfAvailable({ SandboxID.isValid($0) }) ?? SandboxID.isValid(Array(text.utf8))
    else { return nil }
    self.text = text
  }

  public static func isValid(_ bytes: some Collection<UInt8>) -> Bool {
    guard let first = bytes.first, bytes.count <= lengthMax, (0x61...0x7A).contains(first) else { return false }
    var last: UInt8 = 0
    for byte in bytes {
      guard (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D else { return false }
      last = byte
    }
    return last != 0x2D
  }

  public var description: String { text }
}
