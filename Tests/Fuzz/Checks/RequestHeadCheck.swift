import Bytes
import HTTP
import HTTP1

/// One head has one reading, however it arrives; and what is forwarded of it reads as the same request again.
enum RequestHeadCheck {
  struct Head: Equatable {
    var consumed = 0
    var method = [UInt8]()
    var target = [UInt8]()
    var authority = [UInt8]()
    var fields = [OwnedField]()
    var body = BodyFraming.none
    var upgrade = UpgradeKind.none
    var minorVersion: UInt8 = 1
    var keepAlive = false
    var expectsContinue = false
  }

  enum Answer: Equatable {
    case incomplete
    case complete(Head)
    case refused(HeadError)
    case astray(String)
  }

  static func limits(_ choice: UInt8) -> HeadLimits {
    switch choice & 3 {
    case 0: HeadLimits()
    case 1: HeadLimits(requestLineBytes: 64, headBytes: 256, fields: 4)
    case 2: HeadLimits(requestLineBytes: 16, headBytes: 48, fields: 1)
    default: HeadLimits(requestLineBytes: 512, headBytes: 512, fields: 16)
    }
  }

  static func run(_ input: UnsafeBufferPointer<UInt8>) -> String? {
    var steering = Steering(input)
    let limits = limits(steering.byte())
    let (one, other) = (steering.byte(), steering.byte())
    let bytes = Array(steering.rest)
    let whole = parse(bytes, arriving: [bytes.count], limits)
    if case .astray(let why) = whole { return why }
    for way in arrivals(of: bytes.count, one, other) {
      let answer = parse(bytes, arriving: way, limits)
      guard answer == whole else { return "arriving as \(way.prefix(4)): \(answer), whole: \(whole)" }
    }
    guard case .complete(let head) = whole else { return nil }
    let alone = parse(Array(bytes.prefix(head.consumed)), arriving: [head.consumed], limits)
    guard alone == whole else { return "bytes behind the head change it: \(whole), alone: \(alone)" }
    return rereads(head)
  }

  private static func rereads(_ head: Head) -> String? {
    var expected = head
    // The authority that counts takes the place of Host, as it does on the way to a sandbox.
    if let host = expected.fields.firstIndex(where: { HeaderName(bytes: $0.name) == .host }) {
      expected.fields[host].value = head.authority
    } else if !head.authority.isEmpty {
      expected.fields.append(OwnedField(name: Array("host".utf8), value: head.authority, isDropped: false))
    }
    var out = head.method
    out += " "
    out += head.target
    if head.minorVersion == 0 { out += " HTTP/1.0\r\n" } else { out += " HTTP/1.1\r\n" }
    for field in expected.fields {
      out += field.name
      out += ": "
      out += field.value
      out += "\r\n"
    }
    out += "\r\n"
    expected.consumed = out.count
    let large = HeadLimits(requestLineBytes: 1 << 20, headBytes: 1 << 20, fields: 1024)
    let again = parse(out, arriving: [out.count], large)
    return again == .complete(expected) ? nil : "written again as \(out.shown): \(again), was: \(head)"
  }

  private static func parse(_ input: [UInt8], arriving way: [Int], _ limits: HeadLimits) -> Answer {
    let scratch = UnsafeMutablePointer<HeaderField>.allocate(capacity: limits.fields)
    defer { scratch.deallocate() }
    var scan = HeadScan()
    for count in way {
      // New memory at each call, as when the bytes are moved to the front of another buffer.
      let answer = withExact(input.prefix(count)) { base -> Answer in
        var head = RequestHead(headers: HeaderList(base: base, fields: scratch, count: 0))
        switch RequestHeadParser.parse(base, count: count, scan: &scan, limits: limits, fields: scratch, into: &head) {
        case .incomplete: return .incomplete
        case .refused(let error): return .refused(error)
        case .complete(let consumed): return owned(head, base, consumed, count, limits)
        }
      }
      if answer != .incomplete { return answer }
    }
    return .incomplete
  }

  private static func owned(
    _ head: RequestHead, _ base: UnsafePointer<UInt8>, _ consumed: Int, _ count: Int, _ limits: HeadLimits
  ) -> Answer {
    guard consumed <= count, consumed <= limits.headBytes + 2 else {
      return .astray("consumed \(consumed) of \(count)")
    }
    guard head.headers.count <= limits.fields else { return .astray("\(head.headers.count) fields") }
    guard !head.target.isEmpty, !head.methodName.isEmpty else { return .astray("an empty method or target") }
    for range in [head.methodName, head.target, head.authority] where range.end > consumed {
      return .astray("a range ends at \(range.end) of \(consumed)")
    }
    guard let fields = ownedFields(head.headers, within: consumed) else { return .astray("a field's range is outside") }
    return .complete(
      Head(
        consumed: consumed, method: text(head.methodName, base), target: text(head.target, base),
        authority: text(head.authority, base), fields: fields, body: head.body, upgrade: head.upgrade,
        minorVersion: head.minorVersion, keepAlive: head.keepAlive, expectsContinue: head.expectsContinue))
  }
}

/// Nil when a range is not inside of the first `end` bytes.
func ownedFields(_ list: HeaderList, within end: Int) -> [OwnedField]? {
  var fields: [OwnedField] = []
  for index in 0..<list.count {
    let field = list.fields[index]
    guard field.name.end <= end, field.value.end <= end, !field.name.isEmpty else { return nil }
    fields.append(
      OwnedField(name: text(field.name, list.base), value: text(field.value, list.base), isDropped: field.isDropped))
  }
  return fields
}

extension HeaderName {
  init(bytes: [UInt8]) { self = bytes.withUnsafeBufferPointer { HeaderName($0) } }
}
