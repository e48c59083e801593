public import Bytes

/// One field line: two ranges into the head's buffer and the name, if it is one that we act on.
@frozen
public struct HeaderField: Sendable {
  public var name: ByteRange
  public var value: ByteRange
  public var known: HeaderName
  /// Set on fields that must not be forwarded, such as those which `Connection` names.
  public var isDropped: Bool

  @inlinable
  public init(name: ByteRange, value: ByteRange, known: HeaderName) {
    self.name = name
    self.value = value
    self.known = known
    self.isDropped = false
  }
}

/// A borrowed view of header fields, valid only while the call that lends it runs.
///
/// Memory: `base` is the buffer that all ranges point into; `fields` is the worker's scratch array. Both belong to
/// whoever made the list. Invariant: `0 <= count`, and every range lies inside the buffer.
@frozen
public struct HeaderList {
  public var base: UnsafePointer<UInt8>
  public var fields: UnsafeMutablePointer<HeaderField>
  public var count: Int

  @inlinable
  public init(base: UnsafePointer<UInt8>, fields: UnsafeMutablePointer<HeaderField>, count: Int) {
    self.base = base
    self.fields = fields
    self.count = count
  }

  @inlinable
  public func bytes(_ range: ByteRange) -> UnsafeBufferPointer<UInt8> { range.bytes(in: base) }

  /// The first field of that name, or -1.
  @inlinable
  public func firstIndex(of name: HeaderName) -> Int {
    var index = 0
    while index < count {
      if fields[index].known == name { return index }
      index &+= 1
    }
    return -1
  }

  /// The value of the first field of that name.
  @inlinable
  public func value(of name: HeaderName) -> UnsafeBufferPointer<UInt8>? {
    let index = firstIndex(of: name)
    return index < 0 ? nil : bytes(fields[index].value)
  }

  /// Marks the fields that `Connection` names as hop-by-hop (RFC 9110 §7.6.1).
  ///
  /// Fields that decide framing or routing are not up for removal by a peer: naming them is an attempt to make two
  /// parsers disagree, so `Host`, `Content-Length` and the like stay as they are and are handled by their own rules.
  public func dropNamedByConnection() {
    var index = 0
    while index < count {
      if fields[index].known == .connection {
        dropNamed(in: bytes(fields[index].value))
      }
      index &+= 1
    }
  }

  private func dropNamed(in list: UnsafeBufferPointer<UInt8>) {
    var start = 0
    while start < list.count {
      var end = start
      while end < list.count, list[end] != 0x2C { end &+= 1 }
      let item = ASCII.trimmed(UnsafeBufferPointer(rebasing: list[start..<end]))
      if !item.isEmpty { drop(item) }
      start = end &+ 1
    }
  }

  private func drop(_ name: UnsafeBufferPointer<UInt8>) {
    // `close`, `keep-alive` and `upgrade` are options, not fields, and are by far the most common.
    let known = HeaderName(name)
    switch known {
    case .host, .contentLength, .transferEncoding, .upgrade, .keepAlive, .connection, .te, .trailer, .xForwardedFor,
      .xForwardedHost, .xForwardedProto, .xForwardedPort, .xForwardedOther, .forwarded, .xRealIP, .xRequestID,
      .traceparent,
      .xPortholeToken, .origin, .cookie, .setCookie, .authorization, .expect, .secWebSocketKey, .secWebSocketVersion,
      .secWebSocketProtocol, .secWebSocketExtensions, .secWebSocketAccept:
      return
    default: break
    }
    var index = 0
    while index < count {
      let field = fields[index]
      if field.name.count == name.count, field.known == known {
        let other = bytes(field.name)
        var at = 0
        while at < name.count, ASCII.lower(name[at]) == ASCII.lower(other[at]) { at &+= 1 }
        if at == name.count { fields[index].isDropped = true }
      }
      index &+= 1
    }
  }
}
