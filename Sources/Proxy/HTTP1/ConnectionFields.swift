import Bytes

/// What the `Connection` fields of one head say (RFC 9110 §7.6.1), collected while the fields are read.
struct ConnectionFields {
  private(set) var asksClose = false
  private(set) var asksKeepAlive = false
  private(set) var asksUpgrade = false
  /// How many options are something else: names of fields that must not be forwarded.
  private(set) var namesCount = 0

  mutating func read(_ list: UnsafeBufferPointer<UInt8>) {
    var start = 0
    while start < list.count {
      var end = start
      while end < list.count, list[end] != Byte.comma { end &+= 1 }
      let option = ASCII.trimmed(UnsafeBufferPointer(rebasing: list[start..<end]))
      if ASCII.equalsIgnoringCase(option, "keep-alive") {
        asksKeepAlive = true
      } else if ASCII.equalsIgnoringCase(option, "close") {
        asksClose = true
      } else if ASCII.equalsIgnoringCase(option, "upgrade") {
        asksUpgrade = true
      } else if !option.isEmpty {
        namesCount &+= 1
      }
      start = end &+ 1
    }
  }

  /// RFC 9112 §9.3: `close` wins over everything, HTTP/1.1 persists by default, HTTP/1.0 only by request.
  func persists(minorVersion: UInt8) -> Bool {
    !asksClose && (minorVersion > 0 || asksKeepAlive)
  }
}
