import Bytes
public import HTTP

/// Reads one response head (RFC 9112 §4–§6) from a sandbox, which is no more to be trusted than a client: a response
/// that ends elsewhere than we think is the answer to somebody else's next request.
public enum ResponseHeadParser {
  /// Fills `head` from the front of `base..<base+count`. `method` is that of the request that is answered.
  ///
  /// Memory and `scan`: as for `RequestHeadParser`. `limits.requestLineBytes` bounds the status line.
  public static func parse(
    _ base: UnsafePointer<UInt8>, count: Int, scan: inout HeadScan, limits: HeadLimits, method: Method,
    fields: UnsafeMutablePointer<HeaderField>, into head: inout ResponseHead
  ) -> HeadOutcome {
    precondition(count >= scan.position, "the buffer shrank between two calls")
    head = ResponseHead(headers: HeaderList(base: base, fields: fields, count: 0))
    let end = min(count, limits.headBytes)
    let isFull = end == limits.headBytes

    var hasReadLine = false
    if scan.startLineEnd == 0 {
      // No empty line is skipped here: in front of a response it is the end of one that we framed differently.
      if StatusLine.isHopeless(base, to: min(end, limits.requestLineBytes)) { return .refused(.malformed) }
      switch scan.findStartLine(base, end: end, lineBytesMax: limits.requestLineBytes, allowsTab: true) {
      case .found: break
      case .more: return isFull ? .refused(.headTooLarge) : .incomplete
      case .lineTooLong: return .refused(.headTooLarge)
      case .badByte, .tooManyLines: return .refused(.malformed)
      }
      if let error = StatusLine.read(base, to: scan.startLineEnd, into: &head) { return .refused(error) }
      hasReadLine = true
    }

    switch scan.findEmptyLine(base, end: end, linesMax: limits.fields) {
    case .found: break
    case .more: return isFull ? .refused(.headTooLarge) : .incomplete
    case .tooManyLines: return .refused(.headTooLarge)
    case .badByte, .lineTooLong: return .refused(.badHeader)
    }
    if !hasReadLine, let error = StatusLine.read(base, to: scan.startLineEnd, into: &head) { return .refused(error) }
    if let error = readFields(
      base, from: scan.startLineEnd &+ 2, to: scan.position &- 2, fieldsMax: limits.fields, method, into: &head)
    {
      return .refused(error)
    }
    return .complete(consumed: scan.position)
  }

  @inline(__always)
  private static func readFields(
    _ base: UnsafePointer<UInt8>, from: Int, to: Int, fieldsMax: Int, _ method: Method,
    into head: inout ResponseHead
  ) -> HeadError? {
    var framing = FramingFields()
    var connection = ConnectionFields()

    let fields = head.headers.fields
    var count = 0
    var at = from
    while at < to {
      guard let line = FieldLine.read(base, from: at, to: to) else { return .badHeader }
      at = line.end
      let known = HeaderName(line.name.bytes(in: base))
      fields[count] = HeaderField(name: line.name, value: line.value, known: known)
      count &+= 1
      switch known {
      case .contentLength:
        if let error = framing.readLength(line.value.bytes(in: base)) { return error }
      case .transferEncoding:
        if let error = framing.readCoding(line.value) { return error }
      case .connection:
        connection.read(line.value.bytes(in: base))
      default: break
      }
    }
    head.headers.count = count

    // Judged even where there can be no body, because somebody behind us may go by the fields.
    switch framing.framing(base, minorVersion: head.minorVersion) {
    case .failure(let error): return error
    case .success(let body): head.body = body
    }
    if hasNoBody(head.status, answering: method) {
      // RFC 9112 §6.1: a coding on 1xx and 204 is forbidden; on the answer to HEAD and on 304 it tells what would be.
      if framing.hasCoding, head.status < 200 || head.status == 204 { return .conflictingFraming }
      head.body = .none
    }
    // §9.3: a body that only the close ends takes its connection with it.
    head.keepAlive = head.body != .untilEnd && connection.persists(minorVersion: head.minorVersion)
    if connection.namesCount > 0 {
      // Each name is looked for among all fields. More names than fields are of no use but to make that quadratic.
      guard connection.namesCount <= fieldsMax else { return .headTooLarge }
      head.headers.dropNamedByConnection()
    }
    return nil
  }

  /// RFC 9112 §6.3 items 1 and 2.
  @inline(__always)
  private static func hasNoBody(_ status: UInt16, answering method: Method) -> Bool {
    status < 200 || status == 204 || status == 304 || method == .head || (method == .connect && status < 300)
  }
}
