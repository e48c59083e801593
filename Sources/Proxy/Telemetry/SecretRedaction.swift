internal import Bytes

/// Keeps credentials that travel in URLs out of the log: what is logged is read by more people than may hold them.
///
/// Values of the parameters `grant` and `token` are replaced, and the query of `/.porthole/…` as a whole. When in doubt
/// it hides too much: names match in any case and percent-encoded, and `;` begins a parameter as `&` does.
enum SecretRedaction {
  private static let replacement: StaticString = "REDACTED"

  /// Writes a request target, or the URL of a `Referer`.
  static func write(_ url: UnsafeBufferPointer<UInt8>, to line: inout LineWriter, _ escaping: LineWriter.Escaping) {
    guard let question = url.firstIndex(of: UInt8(ascii: "?")) else { return line.escaped(url, escaping) }
    let query = question + 1
    if isOurs(UnsafeBufferPointer(rebasing: url[..<question])) {
      line.escaped(UnsafeBufferPointer(rebasing: url[..<query]), escaping)
      if query < url.count { line.literal(replacement) }
      return
    }
    var written = 0
    var at = query
    while at < url.count {
      let nameEnd = end(of: at, in: url) { $0 == UInt8(ascii: "=") || isSeparator($0) }
      guard nameEnd < url.count, url[nameEnd] == UInt8(ascii: "=") else {
        at = nameEnd + 1
        continue
      }
      let value = nameEnd + 1
      guard isSecret(UnsafeBufferPointer(rebasing: url[at..<nameEnd])) else {
        at = end(of: value, in: url, where: isSeparator) + 1
        continue
      }
      // Only `&` ends a secret: one that contains `;` is hidden to its last byte.
      let valueEnd = end(of: value, in: url) { $0 == UInt8(ascii: "&") }
      line.escaped(UnsafeBufferPointer(rebasing: url[written..<value]), escaping)
      if value < valueEnd { line.literal(replacement) }
      written = valueEnd
      at = valueEnd + 1
    }
    line.escaped(UnsafeBufferPointer(rebasing: url[written...]), escaping)
  }

  private static func isSeparator(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "&") || byte == UInt8(ascii: ";") }

  private static func end(
    of start: Int, in url: UnsafeBufferPointer<UInt8>, where isEnd: (UInt8) -> Bool
  ) -> Int {
    var at = start
    while at < url.count, !isEnd(url[at]) { at += 1 }
    return at
  }

  /// Whether the path, behind `scheme://authority` if there is one, begins with the prefix that belongs to Porthole.
  private static func isOurs(_ url: UnsafeBufferPointer<UInt8>) -> Bool {
    var path = 0
    if url.first != UInt8(ascii: "/") {
      var slashes = 0
      while path < url.count {
        if url[path] == UInt8(ascii: "/") { slashes += 1 }
        if slashes == 3 { break }
        path += 1
      }
    }
    let prefix: StaticString = "/.porthole/"
    let length = prefix.utf8CodeUnitCount
    guard url.count - path >= length else { return false }
    return ASCII.equals(UnsafeBufferPointer(rebasing: url[path..<path + length]), prefix)
  }

  private static func isSecret(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
    names(name, "grant") || names(name, "token")
  }

  /// Whether `name` is that word, in any case, with any of its letters percent-encoded.
  private static func names(_ name: UnsafeBufferPointer<UInt8>, _ word: StaticString) -> Bool {
    var at = 0
    var matched = 0
    while at < name.count {
      var byte = name[at]
      at += 1
      if byte == UInt8(ascii: "%"), at + 1 < name.count,
        let high = hexValue(name[at]), let low = hexValue(name[at + 1])
      {
        byte = high << 4 | low
        at += 2
      }
      guard matched < word.utf8CodeUnitCount, ASCII.lower(byte) == word.utf8Start[matched] else { return false }
      matched += 1
    }
    return matched == word.utf8CodeUnitCount
  }

  private static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}
