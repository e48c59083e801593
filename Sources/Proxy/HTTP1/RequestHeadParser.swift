import Bytes
public import HTTP

/// Reads one request head (RFC 9112 §2–§3, §5–§6), and refuses whatever two parsers could read in two ways.
public enum RequestHeadParser {
  /// Fills `head` from the front of `base..<base+count`.
  ///
  /// Memory: `fields` has room for `limits.fields` entries; `head` borrows it and `base`. After `.incomplete`, call again
  /// with the same `scan` and a buffer that begins with the same bytes; after any other answer reset `scan`.
  public static func parse(
    _ base: UnsafePointer<UInt8>, count: Int, scan: inout HeadScan, limits: HeadLimits,
    fields: UnsafeMutablePointer<HeaderField>, into head: inout RequestHead
  ) -> HeadOutcome {
    precondition(count >= scan.position, "the buffer shrank between two calls")
    head = RequestHead(headers: HeaderList(base: base, fields: fields, count: 0))

    if scan.start == 0, count > 0, base[0] == Byte.cr {
      // RFC 9112 §2.2: one empty line before the request line, as old clients send it after a POST body, is ignored.
      if count == 1 { return .incomplete }
      guard base[1] == Byte.lf else { return .refused(.malformed) }
      scan.skip(to: 2)
    }
    // What lies behind the most bytes that a head may have is not looked at.
    let end = scan.start &+ min(count &- scan.start, limits.headBytes)
    let isFull = end &- scan.start == limits.headBytes

    var target = RequestTarget.none
    var hasReadLine = false
    if scan.startLineEnd == 0 {
      let progress = scan.findStartLine(base, end: end, lineBytesMax: limits.requestLineBytes, allowsTab: false)
      if progress != .found {
        let lineEnd = min(end, scan.start &+ limits.requestLineBytes)
        if RequestLine.isHopeless(base, from: scan.start, to: lineEnd) { return .refused(.malformed) }
        switch progress {
        case .more: return isFull ? .refused(.headTooLarge) : .incomplete
        case .lineTooLong: return .refused(.uriTooLong)
        case .badByte, .tooManyLines, .found: return .refused(.malformed)
        }
      }
      // Judged as soon as it is there: an HTTP/0.9 client waits for its answer now.
      if let error = readLine(base, scan, into: &head, &target) { return .refused(error) }
      hasReadLine = true
    }

    switch scan.findEmptyLine(base, end: end, linesMax: limits.fields) {
    case .found: break
    case .more: return isFull ? .refused(.headTooLarge) : .incomplete
    case .tooManyLines: return .refused(.headTooLarge)
    case .badByte, .lineTooLong: return .refused(.badHeader)
    }
    if !hasReadLine, let error = readLine(base, scan, into: &head, &target) { return .refused(error) }
    if let error = readFields(
      base, from: scan.startLineEnd &+ 2, to: scan.position &- 2, fieldsMax: limits.fields, target, into: &head)
    {
      return .refused(error)
    }
    return .complete(consumed: scan.position)
  }

  @inline(__always)
  private static func readLine(
    _ base: UnsafePointer<UInt8>, _ scan: HeadScan, into head: inout RequestHead, _ target: inout RequestTarget
  ) -> HeadError? {
    switch RequestLine.read(base, from: scan.start, to: scan.startLineEnd) {
    case .failure(let error): return error
    case .success(let line):
      head.method = line.method
      head.methodName = line.methodName
      head.minorVersion = line.minorVersion
      head.target = line.target.path
      target = line.target
      return nil
    }
  }

  /// Reads the field lines in `base[from..<to]` and settles what they mean together.
  @inline(__always)
  private static func readFields(
    _ base: UnsafePointer<UInt8>, from: Int, to: Int, fieldsMax: Int, _ target: RequestTarget,
    into head: inout RequestHead
  ) -> HeadError? {
    var framing = FramingFields()
    var connection = ConnectionFields()
    var upgrade = UpgradeFields()
    var host: ByteRange?

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
      case .host:
        // RFC 9112 §3.2: more than one is a 400, and so is an HTTP/1.1 request without one.
        guard host == nil else { return .badHost }
        host = line.value
      case .contentLength:
        if let error = framing.readLength(line.value.bytes(in: base)) { return error }
      case .transferEncoding:
        if let error = framing.readCoding(line.value) { return error }
      case .connection:
        connection.read(line.value.bytes(in: base))
      case .upgrade:
        upgrade.read(line.value.bytes(in: base))
      case .expect:
        // RFC 9110 §10.1.1: an HTTP/1.0 client cannot take an interim response, so its expectation is ignored.
        if head.minorVersion == 0 { continue }
        guard ASCII.equalsIgnoringCase(line.value.bytes(in: base), "100-continue") else { return .expectationFailed }
        head.expectsContinue = true
      default: break
      }
    }
    head.headers.count = count

    if let error = settleAuthority(base, host, target, into: &head) { return error }
    switch framing.framing(base, minorVersion: head.minorVersion) {
    case .failure(let error): return error
    // RFC 9112 §6.3 item 7: a request without framing fields has no body.
    case .success(.untilEnd): head.body = .none
    case .success(let body): head.body = body
    }
    head.keepAlive = connection.persists(minorVersion: head.minorVersion)
    // RFC 9110 §7.8: `Upgrade` counts only together with the connection option, and never from HTTP/1.0.
    if connection.asksUpgrade, head.minorVersion > 0 { head.upgrade = upgrade.kind(method: head.method) }
    if connection.namesCount > 0 {
      // Each name is looked for among all fields. More names than fields are of no use but to make that quadratic.
      guard connection.namesCount <= fieldsMax else { return .headTooLarge }
      head.headers.dropNamedByConnection()
    }
    return nil
  }

  /// Who the request is for: `Host`, or the absolute-form target, which has to say the same (RFC 9112 §3.2, §3.2.2).
  ///
  /// The RFC lets the target win over `Host`. A sandbox that looks at the other one would see another request than we
  /// authorised, so a difference is refused.
  @inline(__always)
  private static func settleAuthority(
    _ base: UnsafePointer<UInt8>, _ host: ByteRange?, _ target: RequestTarget, into head: inout RequestHead
  ) -> HeadError? {
    guard let host else {
      head.authority = target.authority
      return head.minorVersion == 0 ? nil : .badHost
    }
    guard let fromHost = Authority(host.bytes(in: base)) else { return .badHost }
    if target.authority.isEmpty {
      head.authority = host
      return nil
    }
    guard let fromTarget = Authority(target.authority.bytes(in: base)),
      fromTarget.agrees(with: fromHost, defaultPort: target.defaultPort)
    else { return .badHost }
    head.authority = target.authority
    return nil
  }
}
