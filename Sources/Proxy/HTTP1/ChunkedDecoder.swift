public import Bytes

/// Takes the chunked coding off a body (RFC 9112 §7.1) without copying: it answers with places in the caller's buffer.
///
/// Strict where others are lenient, because each leniency is somebody's smuggling bug: no whitespace outside a quoted
/// extension value, no bare LF, no sign, no `0x`, nothing between a chunk's data and its CRLF, no size above 2^63-1.
public struct ChunkedDecoder {
  public enum Step: Equatable {
    /// Give back what follows `consumed`, together with more. Only within the trailer section is that more than nothing.
    case needMore(consumed: Int)
    /// `payload` is a piece of body, never empty, that ends at `consumed`.
    case data(consumed: Int, payload: ByteRange)
    /// The body is over. `bytes` are the trailer's field lines, each with its CRLF, without the empty line at the end;
    /// they are well-formed and at most `TrailerParser.fieldsMax`. Read them with `TrailerParser`.
    case trailers(consumed: Int, bytes: ByteRange)
    /// The body is over, without trailers.
    case end(consumed: Int)
    /// Terminal: where the next message begins is unknown, so the connection must be closed.
    case malformed
  }

  /// Of one chunk's extensions. Nobody uses them, and reading them for ever is a way to keep a worker busy
  /// (CVE-2023-39326).
  static var extensionBytesMax: UInt16 { 256 }
  /// Of the trailer section, its empty line included. It has to fit into the caller's buffer whole.
  static var trailerBytesMax: Int { 16_384 }

  private enum State: UInt8 {
    /// chunk-size. Next: itself, `extensionName`, `sizeLineEnd`.
    case size
    /// After `;`. Next: itself, `extensionValue`, `extensionName`, `sizeLineEnd`.
    case extensionName
    /// After `=`. Next: `extensionToken`, `quoted`.
    case extensionValue
    /// Next: itself, `extensionName`, `sizeLineEnd`.
    case extensionToken
    /// Within quotes. Next: itself, `quotedPair`, `extensionEnd`.
    case quoted
    /// After a backslash. Next: `quoted`.
    case quotedPair
    /// After the closing quote. Next: `extensionName`, `sizeLineEnd`.
    case extensionEnd
    /// After CR. Next: `payload`, or `trailers` after the last chunk.
    case sizeLineEnd
    /// Next: `payloadCR` when `remaining` is 0.
    case payload
    case payloadCR
    /// Next: `size`.
    case payloadLF
    /// Next: `finished`.
    case trailers
    /// Terminal.
    case finished
    /// Terminal.
    case broken
  }

  private var state: State = .size
  /// Of this chunk's size: 1 to 16 by its end.
  private var digits: UInt8 = 0
  private var nameIsEmpty = true
  private var extensionBytes: UInt16 = 0
  /// While the size is read, its value so far; then what is still to come of the chunk. 0 <= remaining < 2^63.
  private var remaining: UInt64 = 0
  private var trailerScan = HeadScan()

  public init() {}

  /// Consumes from the front of `base..<base+count`. Answers one step at a time: call again until `.needMore`.
  public mutating func next(_ base: UnsafePointer<UInt8>, count: Int) -> Step {
    var at = 0
    while true {
      switch state {
      case .payload: return payload(count: count, from: at)
      case .trailers: return trailers(base, count: count, from: at)
      case .finished: return .end(consumed: 0)
      case .broken: return .malformed
      case .size, .extensionName, .extensionValue, .extensionToken, .quoted, .quotedPair, .extensionEnd, .sizeLineEnd,
        .payloadCR, .payloadLF:
        guard at < count else { return .needMore(consumed: at) }
        guard advance(base[at]) else { return fail() }
        at &+= 1
      }
    }
  }

  private mutating func payload(count: Int, from at: Int) -> Step {
    let available = count &- at
    guard available > 0 else { return .needMore(consumed: at) }
    // The smaller of the two fits into an Int, because `available` does.
    let taken = remaining < UInt64(available) ? Int(remaining) : available
    remaining &-= UInt64(taken)
    if remaining == 0 { state = .payloadCR }
    return .data(consumed: at &+ taken, payload: ByteRange(start: at, count: taken))
  }

  private mutating func trailers(_ base: UnsafePointer<UInt8>, count: Int, from at: Int) -> Step {
    let end = min(count &- at, ChunkedDecoder.trailerBytesMax)
    switch trailerScan.findEmptyLine(base + at, end: end, linesMax: TrailerParser.fieldsMax) {
    case .more: return end == ChunkedDecoder.trailerBytesMax ? fail() : .needMore(consumed: at)
    case .badByte, .tooManyLines, .lineTooLong: return fail()
    case .found: break
    }
    let consumed = at &+ trailerScan.position
    let bytes = ByteRange(start: at, count: trailerScan.position &- 2)
    guard TrailerParser.isWellFormed(base + at, count: Int(bytes.count)) else { return fail() }
    state = .finished
    return bytes.isEmpty ? .end(consumed: consumed) : .trailers(consumed: consumed, bytes: bytes)
  }

  private mutating func fail() -> Step {
    state = .broken
    return .malformed
  }

  /// Takes one byte of the line structure around the payload; false when it may not stand there.
  ///
  ///     chunk     = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
  ///     chunk-ext = *( ";" chunk-ext-name [ "=" ( token / quoted-string ) ] )
  private mutating func advance(_ byte: UInt8) -> Bool {
    switch state {
    case .size:
      if let digit = ChunkedDecoder.hexDigit(byte) {
        guard digits < 16, remaining < 1 << 59 else { return false }
        digits &+= 1
        remaining = remaining << 4 | UInt64(digit)
        return true
      }
      return digits > 0 && endOfElement(byte)
    case .sizeLineEnd:
      guard byte == Byte.lf else { return false }
      state = remaining == 0 ? .trailers : .payload
      digits = 0
      extensionBytes = 0
      return true
    case .payloadCR:
      state = .payloadLF
      return byte == Byte.cr
    case .payloadLF:
      state = .size
      return byte == Byte.lf
    case .extensionName, .extensionValue, .extensionToken, .quoted, .quotedPair, .extensionEnd:
      return advanceExtension(byte)
    case .payload, .trailers, .finished, .broken:
      return false
    }
  }

  private mutating func advanceExtension(_ byte: UInt8) -> Bool {
    switch state {
    case .extensionName:
      if ByteClass.token.contains(byte) {
        nameIsEmpty = false
        return countExtensionByte()
      }
      guard !nameIsEmpty else { return false }
      if byte == Byte.equals {
        state = .extensionValue
        return countExtensionByte()
      }
      return endOfElement(byte)
    case .extensionValue:
      guard byte == Byte.quote || ByteClass.token.contains(byte) else { return false }
      state = byte == Byte.quote ? .quoted : .extensionToken
      return countExtensionByte()
    case .extensionToken:
      return ByteClass.token.contains(byte) ? countExtensionByte() : endOfElement(byte)
    case .quoted:
      if byte == Byte.quote { state = .extensionEnd }
      if byte == Byte.backslash { state = .quotedPair }
      return ChunkedDecoder.isText(byte) && countExtensionByte()
    case .quotedPair:
      state = .quoted
      return ChunkedDecoder.isText(byte) && countExtensionByte()
    case .extensionEnd:
      return endOfElement(byte)
    case .size, .sizeLineEnd, .payload, .payloadCR, .payloadLF, .trailers, .finished, .broken:
      return false
    }
  }

  /// `;` begins an extension, CR ends the line, and nothing else may follow a size, a name or a value.
  private mutating func endOfElement(_ byte: UInt8) -> Bool {
    if byte == Byte.cr {
      state = .sizeLineEnd
      return true
    }
    guard byte == Byte.semicolon else { return false }
    state = .extensionName
    nameIsEmpty = true
    return countExtensionByte()
  }

  private mutating func countExtensionByte() -> Bool {
    extensionBytes &+= 1
    return extensionBytes <= ChunkedDecoder.extensionBytesMax
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    if ASCII.isDigit(byte) { return byte &- 0x30 }
    let letter = (byte | 0x20) &- 0x61
    return letter < 6 ? letter &+ 10 : nil
  }

  /// qdtext and the second half of a quoted-pair (RFC 9110 §5.6.4); the caller has looked for the quote and the backslash.
  private static func isText(_ byte: UInt8) -> Bool { byte == Byte.tab || (byte >= 0x20 && byte != 0x7F) }
}
