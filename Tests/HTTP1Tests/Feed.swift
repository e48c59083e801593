import Bytes
import HTTP
import HTTP1
import Testing

/// One line of a table: what comes in, what must come out, and the rule that says so.
struct Sample<Expected: Sendable>: Sendable, CustomTestStringConvertible {
  var input: [UInt8]
  var expected: Expected
  var why: String

  init(_ input: String, _ expected: Expected, _ why: String = "") {
    self.init(bytes: Array(input.utf8), expected, why)
  }

  init(bytes: [UInt8], _ expected: Expected, _ why: String) {
    self.input = bytes
    self.expected = expected
    self.why = why
  }

  var testDescription: String {
    let shown = String(decoding: input.prefix(80), as: UTF8.self).debugDescription
    return why.isEmpty ? shown : "\(why): \(shown)"
  }
}

/// A buffer that bytes arrive in piece by piece. What has not arrived yet is NUL, which no head may contain, so a parser
/// that looks beyond its count gives itself away.
final class ByteScript {
  let bytes: [UInt8]
  let buffer: UnsafeMutablePointer<UInt8>
  private(set) var arrived = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    buffer = .allocate(capacity: bytes.count + 1)
    buffer.initialize(repeating: 0, count: bytes.count + 1)
  }

  deinit { buffer.deallocate() }

  func arrive(upTo end: Int) {
    while arrived < end {
      buffer[arrived] = bytes[arrived]
      arrived += 1
    }
  }
}

/// The ways in which the same bytes can arrive: lists of how many are there at each call.
func arrivals(of count: Int) -> [[Int]] {
  var ways = [[count], Array(0...count)]
  for split in 0..<count { ways.append([split, count]) }
  return ways
}

func text(_ range: ByteRange, _ base: UnsafePointer<UInt8>) -> String {
  String(decoding: range.bytes(in: base), as: UTF8.self)
}

struct Field: Equatable, Sendable {
  var name: String
  var value: String
  var known: HeaderName
  var isDropped: Bool
}

func fields(of list: HeaderList) -> [Field] {
  (0..<list.count).map {
    let field = list.fields[$0]
    return Field(
      name: text(field.name, list.base), value: text(field.value, list.base), known: field.known,
      isDropped: field.isDropped)
  }
}

/// A request head that owns what it says.
struct Request: Equatable, Sendable {
  var consumed = 0
  var method: Method = .get
  var methodName = "GET"
  var target = "/"
  var authority = "h"
  var fields: [Field] = []
  var body: BodyFraming = .none
  var upgrade: UpgradeKind = .none
  var minorVersion: UInt8 = 1
  var keepAlive = true
  var expectsContinue = false
}

struct Response: Equatable, Sendable {
  var consumed = 0
  var status: UInt16 = 200
  var reason = "OK"
  var fields: [Field] = []
  var body: BodyFraming = .untilEnd
  var minorVersion: UInt8 = 1
  var keepAlive = false
}

enum Answer<Head: Equatable & Sendable>: Equatable, Sendable {
  case incomplete
  case complete(Head)
  case refused(HeadError)

  var head: Head? {
    if case .complete(let head) = self { head } else { nil }
  }
  var error: HeadError? {
    if case .refused(let error) = self { error } else { nil }
  }
}

func parseRequest(_ input: [UInt8], arriving way: [Int], limits: HeadLimits = HeadLimits()) -> Answer<Request> {
  let script = ByteScript(input)
  let scratch = UnsafeMutablePointer<HeaderField>.allocate(capacity: max(1, limits.fields))
  defer { scratch.deallocate() }
  var scan = HeadScan()
  var head = RequestHead(headers: HeaderList(base: script.buffer, fields: scratch, count: 0))
  for count in way {
    script.arrive(upTo: count)
    switch RequestHeadParser.parse(
      script.buffer, count: count, scan: &scan, limits: limits, fields: scratch, into: &head)
    {
    case .incomplete: continue
    case .refused(let error): return .refused(error)
    case .complete(let consumed):
      return .complete(
        Request(
          consumed: consumed, method: head.method, methodName: text(head.methodName, script.buffer),
          target: text(head.target, script.buffer), authority: text(head.authority, script.buffer),
          fields: fields(of: head.headers), body: head.body, upgrade: head.upgrade, minorVersion: head.minorVersion,
          keepAlive: head.keepAlive, expectsContinue: head.expectsContinue))
    }
  }
  return .incomplete
}

func parseResponse(
  _ input: [UInt8], to method: Method = .get, arriving way: [Int], limits: HeadLimits = HeadLimits()
) -> Answer<Response> {
  let script = ByteScript(input)
  let scratch = UnsafeMutablePointer<HeaderField>.allocate(capacity: max(1, limits.fields))
  defer { scratch.deallocate() }
  var scan = HeadScan()
  var head = ResponseHead(headers: HeaderList(base: script.buffer, fields: scratch, count: 0))
  for count in way {
    script.arrive(upTo: count)
    switch ResponseHeadParser.parse(
      script.buffer, count: count, scan: &scan, limits: limits, method: method, fields: scratch, into: &head)
    {
    case .incomplete: continue
    case .refused(let error): return .refused(error)
    case .complete(let consumed):
      return .complete(
        Response(
          consumed: consumed, status: head.status, reason: text(head.reason, script.buffer),
          fields: fields(of: head.headers), body: head.body, minorVersion: head.minorVersion,
          keepAlive: head.keepAlive))
    }
  }
  return .incomplete
}

/// The one answer to `input`, however it arrives; records an issue if there are two.
func request(
  _ input: [UInt8], limits: HeadLimits = HeadLimits(), sourceLocation: SourceLocation = #_sourceLocation
) -> Answer<Request> {
  let whole = parseRequest(input, arriving: [input.count], limits: limits)
  for way in arrivals(of: input.count) {
    let answer = parseRequest(input, arriving: way, limits: limits)
    if answer != whole {
      Issue.record("arriving as \(way.prefix(3)): \(answer), whole: \(whole)", sourceLocation: sourceLocation)
      break
    }
  }
  return whole
}

func request(
  _ input: String, limits: HeadLimits = HeadLimits(), sourceLocation: SourceLocation = #_sourceLocation
) -> Answer<Request> {
  request(Array(input.utf8), limits: limits, sourceLocation: sourceLocation)
}

func response(
  _ input: [UInt8], to method: Method = .get, limits: HeadLimits = HeadLimits(),
  sourceLocation: SourceLocation = #_sourceLocation
) -> Answer<Response> {
  let whole = parseResponse(input, to: method, arriving: [input.count], limits: limits)
  for way in arrivals(of: input.count) {
    let answer = parseResponse(input, to: method, arriving: way, limits: limits)
    if answer != whole {
      Issue.record("arriving as \(way.prefix(3)): \(answer), whole: \(whole)", sourceLocation: sourceLocation)
      break
    }
  }
  return whole
}

func response(
  _ input: String, to method: Method = .get, limits: HeadLimits = HeadLimits(),
  sourceLocation: SourceLocation = #_sourceLocation
) -> Answer<Response> {
  response(Array(input.utf8), to: method, limits: limits, sourceLocation: sourceLocation)
}
