/// A request body while it arrives, in either framing (RFC 9112 §6).
package struct RequestBody {
  private enum Framing {
    case sized(remaining: Int)
    case chunked(remaining: Int)
    case ended
    /// Cut short or malformed: the connection is of no further use.
    case broken
  }

  private let connection: Connection
  private var framing: Framing

  /// Nil where the framing is none that can be followed.
  package init?(_ request: DemoRequest, _ connection: Connection) {
    self.connection = connection
    switch (request["transfer-encoding"], request["content-length"]) {
    case (nil, nil): framing = .ended
    case (nil, let length?):
      guard let count = Int(length), count >= 0 else { return nil }
      framing = .sized(remaining: count)
    case (let coding?, nil):
      guard coding.lowercased() == "chunked" else { return nil }
      framing = .chunked(remaining: 0)
    case (_?, _?): return nil
    }
  }

  package var isBroken: Bool {
    if case .broken = framing { return true }
    return false
  }

  package var isEnded: Bool {
    switch framing {
    case .sized(let remaining): remaining == 0
    case .ended: true
    case .chunked, .broken: false
    }
  }

  /// Nil at the end; look at `isBroken` then.
  package mutating func next() -> ArraySlice<UInt8>? {
    switch framing {
    case .ended, .broken:
      return nil
    case .sized(let remaining):
      if remaining == 0 { return finish(.ended) }
      guard let bytes = connection.read(max: remaining) else { return finish(.broken) }
      framing = .sized(remaining: remaining - bytes.count)
      return bytes
    case .chunked(let remaining):
      return nextChunked(remaining)
    }
  }

  private mutating func nextChunked(_ remaining: Int) -> ArraySlice<UInt8>? {
    var remaining = remaining
    if remaining == 0 {
      guard let line = connection.readLine(max: 1024),
        let size = Int(String(decoding: line.prefix { $0 != 0x3B && $0 != 0x20 }, as: UTF8.self), radix: 16), size >= 0
      else { return finish(.broken) }
      if size == 0 { return finish(skipTrailers() ? .ended : .broken) }
      remaining = size
    }
    guard let bytes = connection.read(max: remaining) else { return finish(.broken) }
    remaining -= bytes.count
    if remaining == 0, connection.readLine(max: 1) != [] { return finish(.broken) }
    framing = .chunked(remaining: remaining)
    return bytes
  }

  private func skipTrailers() -> Bool {
    for _ in 0..<100 {
      guard let line = connection.readLine(max: 16384) else { return false }
      if line.isEmpty { return true }
    }
    return false
  }

  private mutating func finish(_ framing: Framing) -> ArraySlice<UInt8>? {
    self.framing = framing
    return nil
  }
}
