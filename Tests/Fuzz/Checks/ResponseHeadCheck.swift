import Bytes
import HTTP
import HTTP1

/// A response's end is where everybody sees it: one reading however it arrives, and the same when written again.
enum ResponseHeadCheck {
  struct Head: Equatable {
    var consumed = 0
    var status: UInt16 = 0
    var reason = [UInt8]()
    var fields = [OwnedField]()
    var body = BodyFraming.none
    var minorVersion: UInt8 = 1
    var keepAlive = false
  }

  enum Answer: Equatable {
    case incomplete
    case complete(Head)
    case refused(HeadError)
    case astray(String)
  }

  static func run(_ input: UnsafeBufferPointer<UInt8>) -> String? {
    var steering = Steering(input)
    let choice = steering.byte()
    let limits = RequestHeadCheck.limits(choice)
    let method: Method = [.get, .head, .connect, .options][Int(choice >> 2 & 3)]
    let (one, other) = (steering.byte(), steering.byte())
    let bytes = Array(steering.rest)
    let whole = parse(bytes, arriving: [bytes.count], limits, method)
    if case .astray(let why) = whole { return why }
    for way in arrivals(of: bytes.count, one, other) {
      let answer = parse(bytes, arriving: way, limits, method)
      guard answer == whole else { return "arriving as \(way.prefix(4)): \(answer), whole: \(whole)" }
    }
    guard case .complete(let head) = whole else { return nil }
    return rereads(head, method)
  }

  private static func rereads(_ head: Head, _ method: Method) -> String? {
    var out = [UInt8]()
    if head.minorVersion == 0 { out += "HTTP/1.0 " } else { out += "HTTP/1.1 " }
    out += Array("\(head.status) ".utf8)
    out += head.reason
    out += "\r\n"
    for field in head.fields {
      out += field.name
      out += ": "
      out += field.value
      out += "\r\n"
    }
    out += "\r\n"
    var expected = head
    expected.consumed = out.count
    let large = HeadLimits(requestLineBytes: 1 << 20, headBytes: 1 << 20, fields: 1024)
    let again = parse(out, arriving: [out.count], large, method)
    return again == .complete(expected) ? nil : "written again as \(out.shown): \(again), was: \(head)"
  }

  private static func parse(_ input: [UInt8], arriving way: [Int], _ limits: HeadLimits, _ method: Method) -> Answer {
    let scratch = UnsafeMutablePointer<HeaderField>.allocate(capacity: limits.fields)
    defer { scratch.deallocate() }
    var scan = HeadScan()
    for count in way {
      let answer = withExact(input.prefix(count)) { base -> Answer in
        var head = ResponseHead(headers: HeaderList(base: base, fields: scratch, count: 0))
        switch ResponseHeadParser.parse(
          base, count: count, scan: &scan, limits: limits, method: method, fields: scratch, into: &head)
        {
        case .incomplete: return .incomplete
        case .refused(let error): return .refused(error)
        case .complete(let consumed):
          guard consumed <= count, consumed <= limits.headBytes else {
            return .astray("consumed \(consumed) of \(count)")
          }
          guard head.reason.end <= consumed, let fields = ownedFields(head.headers, within: consumed) else {
            return .astray("a range is outside")
          }
          guard head.status >= 100, head.status <= 599 else { return .astray("status \(head.status)") }
          return .complete(
            Head(
              consumed: consumed, status: head.status, reason: text(head.reason, base), fields: fields, body: head.body,
              minorVersion: head.minorVersion, keepAlive: head.keepAlive))
        }
      }
      if answer != .incomplete { return answer }
    }
    return .incomplete
  }
}
