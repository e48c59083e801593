import Bytes

@testable import ProxyEngine

/// No spelling of our cookie passes in either direction, and nothing else is lost.
enum CookieCheck {
  static let ours = Array("__host-porthole".utf8)

  static func run(_ input: UnsafeBufferPointer<UInt8>) -> String? {
    let bytes = Array(input)
    return copies(bytes) ?? judges(bytes)
  }

  private static func parts(_ value: [UInt8]) -> [[UInt8]] {
    value.split(separator: 0x3B, omittingEmptySubsequences: false).map { trimmed($0) }
  }

  private static func trimmed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var rest = bytes
    while let first = rest.first, first == 0x20 || first == 0x09 { rest.removeFirst() }
    while let last = rest.last, last == 0x20 || last == 0x09 { rest.removeLast() }
    return Array(rest)
  }

  private static func isOurs(_ pair: [UInt8]) -> Bool {
    lowered(trimmed(pair.prefix { $0 != 0x3D })) == ours
  }

  private static func copies(_ value: [UInt8]) -> String? {
    // Before and behind another field's pairs: room for what was there and `; `.
    for isFirst in [true, false] {
      let copied = withExact([UInt8](repeating: 0xFF, count: value.count + 2)) { memory in
        var out = HeadCursor(memory)
        value.withUnsafeBufferPointer { CookieFirewall.copy($0, to: &out, isFirst: isFirst) }
        return out.at <= value.count + 2 ? Array(UnsafeBufferPointer(start: memory, count: out.at)) : nil
      }
      guard let copied else { return "more was written than there is room for" }
      if parts(copied).contains(where: isOurs) { return "our cookie passed in \(copied.shown)" }
      let kept = parts(value).filter { !$0.isEmpty && !isOurs($0) }
      guard parts(copied).filter({ !$0.isEmpty }) == kept else { return "\(value.shown) became \(copied.shown)" }
    }
    return nil
  }

  private static func judges(_ value: [UInt8]) -> String? {
    let host = Array("3000-a.p.test".utf8)
    func verdict(_ value: [UInt8]) -> CookieFirewall.Verdict {
      withExact(value) { base in
        host.withUnsafeBufferPointer {
          CookieFirewall.judge(setCookie: UnsafeBufferPointer(start: base, count: value.count), host: $0)
        }
      }
    }
    let all = parts(value)
    let domains = all.dropFirst().filter {
      $0.contains(0x3D) && lowered(trimmed($0.prefix { $0 != 0x3D })) == Array("domain".utf8)
    }
    switch verdict(value) {
    case .pass:
      if isOurs(all[0]) { return "a sandbox set our cookie: \(value.shown)" }
      return domains.isEmpty ? nil : "a Domain attribute passed: \(value.shown)"
    case .drop:
      return isOurs(all[0]) || domains.count > 1 ? nil : "dropped for no reason: \(value.shown)"
    case .narrow(let gone):
      guard gone.end <= value.count else { return "the range is outside" }
      let narrowed = Array(value[..<Int(gone.start)] + value[gone.end...])
      return verdict(narrowed) == .pass ? nil : "narrowed to \(narrowed.shown)"
    }
  }
}

/// The tracker agrees at every byte with a reader that has the whole stream in hand (RFC 6455 §5.2).
enum FramesCheck {
  static func run(_ input: UnsafeBufferPointer<UInt8>) -> String? {
    let boundaries = boundaries(input)
    var piecewise = WebSocketFrames()
    for index in input.indices {
      _ = withExact(CollectionOfOne(input[index])) { piecewise.note($0, 1) }
      guard piecewise.isAtBoundary == boundaries.contains(index + 1) else { return "after \(index + 1) bytes" }
    }
    for cut in [0, input.count / 3, input.count] {
      var frames = WebSocketFrames()
      _ = withExact(input.prefix(cut)) { frames.note($0, cut) }
      _ = withExact(input.dropFirst(cut)) { frames.note($0, input.count - cut) }
      guard frames.isAtBoundary == (input.isEmpty || boundaries.contains(input.count)) else { return "cut at \(cut)" }
    }
    return nil
  }

  private static func boundaries(_ bytes: UnsafeBufferPointer<UInt8>) -> Set<Int> {
    var ends: Set<Int> = []
    var at = 0
    while at + 2 <= bytes.count {
      let short = Int(bytes[at + 1] & 0x7F)
      let extended = short == 126 ? 2 : short == 127 ? 8 : 0
      let head = 2 + extended + (bytes[at + 1] & 0x80 == 0 ? 0 : 4)
      guard at + head <= bytes.count else { break }
      let long = bytes[(at + 2)..<(at + 2 + extended)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      let payload = extended == 0 ? UInt64(short) : long
      guard payload <= UInt64(bytes.count - at - head) else { break }
      at += head + Int(payload)
      ends.insert(at)
    }
    return ends
  }
}
