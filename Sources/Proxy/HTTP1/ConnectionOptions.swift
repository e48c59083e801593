import Bytes

/// The options of the `Connection` field (RFC 9110 §7.6.1), over all its field lines.
struct ConnectionOptions: OptionSet {
  var rawValue: UInt8

  static var close: ConnectionOptions { ConnectionOptions(rawValue: 1) }
  static var keepAlive: ConnectionOptions { ConnectionOptions(rawValue: 2) }
  static var upgrade: ConnectionOptions { ConnectionOptions(rawValue: 4) }
  /// Something else: the name of a field that must not be forwarded.
  static var fieldNames: ConnectionOptions { ConnectionOptions(rawValue: 8) }

  mutating func read(_ list: UnsafeBufferPointer<UInt8>) {
    var start = 0
    while start < list.count {
      var end = start
      while end < list.count, list[end] != Byte.comma { end &+= 1 }
      let item = ASCII.trimmed(UnsafeBufferPointer(rebasing: list[start..<end]))
      if !item.isEmpty { insert(ConnectionOptions.named(item)) }
      start = end &+ 1
    }
  }

  private static func named(_ option: UnsafeBufferPointer<UInt8>) -> ConnectionOptions {
    if ASCII.equalsIgnoringCase(option, "keep-alive") { return .keepAlive }
    if ASCII.equalsIgnoringCase(option, "close") { return .close }
    if ASCII.equalsIgnoringCase(option, "upgrade") { return .upgrade }
    return .fieldNames
  }

  /// RFC 9112 §9.3: `close` wins over everything, HTTP/1.1 persists by default, HTTP/1.0 only by request.
  func persists(minorVersion: UInt8) -> Bool {
    !contains(.close) && (minorVersion > 0 || contains(.keepAlive))
  }
}
