internal import Bytes

/// `<port>-<id>`, the first label of a preview host. No id begins with a digit, so no label can be read in two ways.
struct PreviewLabel {
  let port: UInt16
  /// What stands after the dash. It names a sandbox only if it follows the rule for ids, which every id in the table
  /// does.
  let id: UnsafeBufferPointer<UInt8>

  /// Nil unless the label begins with a port (decimal, 1–65535, no leading zero, no sign) and a dash.
  @inline(__always)
  init?(_ label: UnsafeBufferPointer<UInt8>) {
    // A zero in front is either a leading zero or port 0.
    guard label.count > 2, ASCII.isDigit(label[0]), label[0] != UInt8(ascii: "0") else { return nil }
    var value: UInt32 = 0
    var at = 0
    while at < label.count, at < 6, ASCII.isDigit(label[at]) {
      value = value &* 10 &+ UInt32(label[at] &- 0x30)
      at &+= 1
    }
    guard value <= 65535, at &+ 1 < label.count, label[at] == UInt8(ascii: "-") else { return nil }
    port = UInt16(truncatingIfNeeded: value)
    let skipped = at &+ 1
    id = UnsafeBufferPointer(start: label.baseAddress! + skipped, count: label.count &- skipped)
  }
}
