/// The written form of one line of `Logger`.
enum LogLine {
  /// Ends in a line feed and is at most `bytesMax` long; what does not fit gives way to `...`.
  static func bytes(
    timeNs: UInt64, _ level: Logger.Level, _ message: String, _ fields: Logger.Fields, bytesMax: Int
  ) -> [UInt8] {
    var line = timestamp(ns: timeNs)
    line.append(UInt8(ascii: " "))
    line.append(contentsOf: level.rawValue.utf8)
    line.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 6 - level.rawValue.utf8.count))
    appendEscaped(message, quoted: false, to: &line)
    for (key, value) in fields {
      line.append(UInt8(ascii: " "))
      line.append(contentsOf: key.utf8)
      line.append(UInt8(ascii: "="))
      append(value: value, to: &line)
    }
    if line.count >= bytesMax {
      line.removeLast(line.count - (bytesMax - 4))
      line.append(contentsOf: "...".utf8)
    }
    line.append(UInt8(ascii: "\n"))
    return line
  }

  private static func timestamp(ns: UInt64) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
      var out = LineWriter(at: buffer.baseAddress!)
      var cache = TimestampCache(.rfc3339)
      cache.write(ns: ns, to: &out)
      count = out.at - buffer.baseAddress!
    }
  }

  private static func append(value: String, to line: inout [UInt8]) {
    let isWord =
      !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") }
    guard !isWord else { return appendEscaped(value, quoted: false, to: &line) }
    line.append(UInt8(ascii: "\""))
    appendEscaped(value, quoted: true, to: &line)
    line.append(UInt8(ascii: "\""))
  }

  private static func appendEscaped(_ text: String, quoted: Bool, to line: inout [UInt8]) {
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": line.append(contentsOf: "\\n".utf8)
      case "\\" where quoted, "\"" where quoted:
        line.append(UInt8(ascii: "\\"))
        line.append(UInt8(scalar.value))
      // C0, DEL and C1 controls; and the marks that reorder what a terminal shows around them.
      case "\u{00}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{200E}"..."\u{200F}", "\u{202A}"..."\u{202E}",
        "\u{2066}"..."\u{2069}":
        line.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".utf8)
      default: line.append(contentsOf: UTF8.encode(scalar)!)
      }
    }
  }
}
