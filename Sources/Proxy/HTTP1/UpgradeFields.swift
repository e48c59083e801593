import Bytes
import HTTP

/// What the `Upgrade` fields of a request ask for (RFC 9110 §7.8).
struct UpgradeFields {
  private var protocols: UnsafeBufferPointer<UInt8>?
  private var isRepeated = false
  private var namesHTTP = false

  mutating func read(_ value: UnsafeBufferPointer<UInt8>) {
    guard !value.isEmpty else { return }
    if protocols != nil { isRepeated = true }
    protocols = value
    namesHTTP = namesHTTP || UpgradeFields.namesHTTP(value)
  }

  /// An upgrade to another HTTP is not passed on: the sandbox would answer 101, and every request behind it would go past
  /// us, credentials and routing included ("h2c smuggling"). Ignoring the field is always allowed (§7.8).
  func kind(method: Method) -> UpgradeKind {
    guard let protocols, !namesHTTP else { return .none }
    let isWebSocket = !isRepeated && method == .get && ASCII.equalsIgnoringCase(protocols, "websocket")
    return isWebSocket ? .webSocket : .other
  }

  private static func namesHTTP(_ list: UnsafeBufferPointer<UInt8>) -> Bool {
    var start = 0
    while start < list.count {
      var end = start
      while end < list.count, list[end] != Byte.comma { end &+= 1 }
      var item = ASCII.trimmed(UnsafeBufferPointer(rebasing: list[start..<end]))
      // protocol = protocol-name [ "/" protocol-version ]
      if let slash = item.firstIndex(of: Byte.slash) { item = UnsafeBufferPointer(rebasing: item[0..<slash]) }
      if ASCII.equalsIgnoringCase(item, "h2c") || ASCII.equalsIgnoringCase(item, "h2")
        || ASCII.equalsIgnoringCase(item, "http")
      {
        return true
      }
      start = end &+ 1
    }
    return false
  }
}
