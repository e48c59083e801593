import Bytes
import HTTP

/// What the fields of one head say about where its body ends, collected while the fields are read.
///
/// Smuggling is two parsers finding two ends (RFC 9112 §11.2), so nothing here is repaired, merged or overridden, even
/// where the RFC would let us: one field, one value, one reading, or the message is refused.
struct FramingFields {
  private var length: UInt64 = 0
  private(set) var hasLength = false
  private var coding: ByteRange = .empty
  private(set) var hasCoding = false

  /// `Content-Length` (RFC 9110 §8.6). A list of equal values may be read as one there, and as something else elsewhere.
  mutating func readLength(_ value: UnsafeBufferPointer<UInt8>) -> HeadError? {
    guard !hasLength else { return .conflictingFraming }
    hasLength = true
    guard !value.isEmpty else { return .malformed }
    var index = 0
    while index < value.count {
      let byte = value[index]
      guard ASCII.isDigit(byte) else { return byte == Byte.comma ? .conflictingFraming : .malformed }
      // 2^63-1 is the most that every signed 64-bit parser behind us reads as the same number.
      let digit = UInt64(byte &- 0x30)
      guard length <= (UInt64(Int64.max) &- digit) / 10 else { return .malformed }
      length = length &* 10 &+ digit
      index &+= 1
    }
    return nil
  }

  /// `Transfer-Encoding` (RFC 9112 §6.1). Its value is judged when the whole head is known.
  mutating func readCoding(_ value: ByteRange) -> HeadError? {
    guard !hasCoding else { return .conflictingFraming }
    hasCoding = true
    coding = value
    return nil
  }

  /// RFC 9112 §6.3, as far as it is the same for both directions. `untilEnd` when neither field is there.
  func framing(_ base: UnsafePointer<UInt8>, minorVersion: UInt8) -> Result<BodyFraming, HeadError> {
    if hasCoding {
      // §6.1: a coding in an HTTP/1.0 message was put there by somebody who does not understand it.
      // §6.3 item 3: both fields are an attempt at smuggling or ought to be handled as one.
      if minorVersion == 0 || hasLength { return .failure(.conflictingFraming) }
      let value = coding.bytes(in: base)
      if ASCII.equalsIgnoringCase(value, "chunked") { return .success(.chunked) }
      return .failure(FramingFields.isUnknownCodingFinallyChunked(value) ? .unsupportedCoding : .conflictingFraming)
    }
    return .success(hasLength ? .length(length) : .untilEnd)
  }

  /// Whether a list of codings is one that a fuller implementation could have framed: tokens, `chunked` exactly once and
  /// last. That is worth a 501; anything else has no reliable end and is a 400 (RFC 9112 §6.1, §6.3 item 4).
  private static func isUnknownCodingFinallyChunked(_ list: UnsafeBufferPointer<UInt8>) -> Bool {
    var start = 0
    while true {
      var end = start
      while end < list.count, list[end] != Byte.comma { end &+= 1 }
      let item = ASCII.trimmed(UnsafeBufferPointer(rebasing: list[start..<end]))
      if item.isEmpty || !item.allSatisfy(ByteClass.token.contains) { return false }
      let isLast = end == list.count
      if ASCII.equalsIgnoringCase(item, "chunked") != isLast { return false }
      if isLast { return true }
      start = end &+ 1
    }
  }
}
