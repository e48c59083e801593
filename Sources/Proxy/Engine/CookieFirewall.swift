import Bytes

/// Keeps our cookie from the sandbox and the sandbox's hands off our cookie and its siblings' (RFC 6265bis §4.1.3).
enum CookieFirewall {
  static let name: StaticString = "__Host-porthole"

  /// Appends the pairs of a `Cookie` value except ours, with `; ` between them.
  ///
  /// Bytes of the others are untouched, oddities included: apps parse cookies in many ways and have their own view. So
  /// are the separators between them: writes at most `; ` and as many bytes as the value has, which its caller reserved.
  static func copy(_ value: UnsafeBufferPointer<UInt8>, to out: inout HeadCursor, isFirst: Bool) {
    guard mentionsOurs(value) else {
      if value.isEmpty { return }
      if !isFirst { out.put("; ") }
      out.put(value)
      return
    }
    var isFirstOfValue = true
    var start = 0
    while start < value.count {
      var end = start
      while end < value.count, value[end] != 0x3B { end += 1 }
      let pair = ASCII.trimmed(UnsafeBufferPointer(rebasing: value[start..<end]))
      if !pair.isEmpty, !isOurs(pair) {
        if isFirstOfValue {
          if !isFirst { out.put("; ") }
          out.put(pair)
        } else {
          // From the semicolon on, as it came: a pair that is not the value's first one has one before it.
          out.put(UnsafeBufferPointer(rebasing: value[(start - 1)..<end]))
        }
        isFirstOfValue = false
      }
      start = end + 1
    }
  }

  private static func mentionsOurs(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
    let count = name.utf8CodeUnitCount
    guard value.count >= count else { return false }
    var at = 0
    while at <= value.count - count {
      if value[at] == 0x5F || value[at] == 0x5F - 0x20, matches(value, at) { return true }
      at += 1
    }
    return false
  }

  /// Without regard to case: some frameworks fold names, so a variant must not pass for ours either.
  private static func matches(_ value: UnsafeBufferPointer<UInt8>, _ at: Int) -> Bool {
    let count = name.utf8CodeUnitCount
    guard value.count - at >= count else { return false }
    for index in 0..<count where ASCII.lower(value[at + index]) != ASCII.lower(name.utf8Start[index]) { return false }
    return true
  }

  private static func isOurs(_ pair: UnsafeBufferPointer<UInt8>) -> Bool {
    guard matches(pair, 0) else { return false }
    let rest = ASCII.trimmed(UnsafeBufferPointer(rebasing: pair[name.utf8CodeUnitCount...]))
    return rest.isEmpty || rest[0] == 0x3D
  }

  /// The value of the next cookie of ours in a `Cookie` value, which is moved on behind it; nil when there is no other.
  ///
  /// Only the name as it is spelled counts: browsers guard that one against being set for us by others.
  static func nextOwnValue(_ value: inout UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8>? {
    while !value.isEmpty {
      let end = value.firstIndex(of: 0x3B) ?? value.count
      let pair = ASCII.trimmed(UnsafeBufferPointer(rebasing: value[..<end]))
      value = end < value.count ? UnsafeBufferPointer(rebasing: value[(end + 1)...]) : .init(start: nil, count: 0)
      let count = name.utf8CodeUnitCount
      guard pair.count > count, pair[count] == 0x3D,
        ASCII.equals(UnsafeBufferPointer(rebasing: pair[..<count]), name)
      else { continue }
      return ASCII.trimmed(UnsafeBufferPointer(rebasing: pair[(count + 1)...]))
    }
    return nil
  }

  enum Verdict: Equatable {
    case pass
    case drop
    /// The `Domain` attribute must go: these bytes, from its semicolon to the next.
    case narrow(ByteRange)
  }

  /// What becomes of an app's `Set-Cookie`. `host` is the preview host without its port.
  static func judge(setCookie value: UnsafeBufferPointer<UInt8>, host: UnsafeBufferPointer<UInt8>) -> Verdict {
    var end = 0
    while end < value.count, value[end] != 0x3B { end += 1 }
    if isOurs(ASCII.trimmed(UnsafeBufferPointer(rebasing: value[..<end]))) { return .drop }
    // The last `Domain` attribute wins in browsers, so more than one is not narrowed but dropped.
    var verdict = Verdict.pass
    while end < value.count {
      let start = end
      end += 1
      while end < value.count, value[end] != 0x3B { end += 1 }
      let attribute = ASCII.trimmed(UnsafeBufferPointer(rebasing: value[(start + 1)..<end]))
      guard let domain = self.domain(attribute) else { continue }
      if verdict != .pass { return .drop }
      verdict = .narrow(ByteRange(start: start, count: end - start))
      if domain.count == host.count, (0..<host.count).allSatisfy({ ASCII.lower(domain[$0]) == ASCII.lower(host[$0]) }) {
        // Its own host: still a cookie for everything below it, and nothing of the app's lives there; narrowing is
        // what a host-only cookie would have been.
        continue
      }
    }
    return verdict
  }

  private static func domain(_ attribute: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8>? {
    guard let equals = attribute.firstIndex(of: 0x3D) else { return nil }
    let key = ASCII.trimmed(UnsafeBufferPointer(rebasing: attribute[..<equals]))
    guard ASCII.equalsIgnoringCase(key, "domain") else { return nil }
    var value = ASCII.trimmed(UnsafeBufferPointer(rebasing: attribute[(equals + 1)...]))
    if value.first == 0x2E { value = UnsafeBufferPointer(rebasing: value[1...]) }
    return value
  }
}
