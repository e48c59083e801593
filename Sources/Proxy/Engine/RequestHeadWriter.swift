import Bytes
import HTTP
import HTTP1
import Loop
import Pages
import Router
import Sandbox

/// Where the access log finds things in an exchange's head.
struct LoggedRanges {
  var method: ByteRange = .empty
  var target: ByteRange = .empty
  var host: ByteRange = .empty
  var userAgent: ByteRange = .empty
  var referer: ByteRange = .empty
  var requestID: ByteRange = .empty
}

/// Writes forward through memory that was measured before.
struct HeadCursor {
  let base: UnsafeMutablePointer<UInt8>
  var at = 0

  init(_ base: UnsafeMutablePointer<UInt8>) { self.base = base }

  @inline(__always)
  mutating func put(_ text: StaticString) { at &+= Wire.put(text, at: base + at) }

  @inline(__always)
  @discardableResult
  mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) -> ByteRange {
    let start = at
    at &+= Wire.put(bytes, at: base + at)
    return ByteRange(start: start, count: bytes.count)
  }

  mutating func put(_ text: String) {
    var text = text
    text.withUTF8 { _ = put($0) }
  }

  mutating func putDecimal(_ value: UInt64) { at &+= Wire.putDecimal(value, at: base + at) }

  /// Sixteen lower-case hexadecimal digits.
  @inline(__always)
  mutating func putHex(_ value: UInt64) {
    // Spread the nibbles over sixteen bytes, then turn all of them into digits at once, eight at a time.
    put8(UInt32(truncatingIfNeeded: value >> 32))
    put8(UInt32(truncatingIfNeeded: value))
  }

  @inline(__always)
  private mutating func put8(_ value: UInt32) {
    var x = UInt64(value.byteSwapped)
    x = ((x & 0xFFFF_0000) << 16) | (x & 0xFFFF)
    x = ((x & 0x0000_FF00_0000_FF00) << 8) | (x & 0x0000_00FF_0000_00FF)
    x = ((x & 0x00F0_00F0_00F0_00F0) >> 4) | ((x & 0x000F_000F_000F_000F) << 8)
    // Bytes above 9 get 'a' - '0' - 10 more.
    let above = ((x &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
    let digits = x &+ 0x3030_3030_3030_3030 &+ above &* 0x27
    UnsafeMutableRawPointer(base + at).storeBytes(of: digits, as: UInt64.self)
    at &+= 8
  }
}

extension Exchange {
  /// Everything that we add at most, the names and values of clients not counted: request line 12; Host, Origin and
  /// Referer 300 each; six forwarding fields 480, request id 50, traceparent 75, framing 50, upgrade 120.
  private static var addedBytesMax: Int { 2048 }

  /// Serialises the head as the sandbox sees it, in HTTP/1.1 form, into a slab of its own.
  func writeRequestHead(_ view: RequestHead, _ bucket: UpstreamBucket) {
    guard let downstream else { return }
    let headers = view.headers
    let base = headers.base
    let authority = view.authority.bytes(in: base)
    var bound = Exchange.addedBytesMax + Int(view.methodName.count) + Int(view.target.count) + 3 * authority.count
    for index in 0..<headers.count {
      bound &+= Int(headers.fields[index].name.count) &+ Int(headers.fields[index].value.count) &+ 4
    }
    let slab = worker.loop.slabs.take(bound)
    head = slab
    var out = HeadCursor(slab.base)

    if method == .connect {
      // RFC 8441 §5: the extended CONNECT of HTTP/2 is HTTP/1.1's upgrading GET.
      out.put("GET")
      log.method = ByteRange(start: 0, count: 3)
    } else {
      log.method = out.put(view.methodName.bytes(in: base))
    }
    out.put(" ")
    log.target = out.put(view.target.bytes(in: base))
    out.put(" HTTP/1.1\r\nHost: ")
    let policy = bucket.target.hostPolicy
    let isForControl = bucket.target === worker.control
    putHost(&out, policy, authority, bucket)
    out.put("\r\n")

    var sawTrace = false
    var firstCookie = -1
    var cookies = 0
    var acceptsHTML = false
    var fetchMode = UInt8(0)
    var sawKey = false
    for index in 0..<headers.count {
      let field = headers.fields[index]
      if field.known == .other {
        if field.isDropped { continue }
        put(field, headers, &out)
        continue
      }
      // Named by Connection, whatever it is (RFC 9110 §7.6.1); TE is always named there and means this hop.
      if field.isDropped, field.known != .te { continue }
      switch field.known {
      case .host, .connection, .keepAlive, .proxyConnection, .transferEncoding, .contentLength, .http2Settings,
        .upgrade,
        .proxyAuthorization, .forwarded, .xForwardedFor, .xForwardedHost, .xForwardedProto,
        .xForwardedPort,
        .xForwardedOther, .xRealIP, .xRequestID:
        continue
      case .xPortholeToken:
        if isForControl { put(field, headers, &out) }
      case .authorization:
        // A credential of ours never reaches a sandbox, valid or not; an app's own is not our business.
        if !isForControl, Bearer.isOurs(headers.bytes(field.value)) { continue }
        put(field, headers, &out)
      case .te:
        if ASCII.listContains(headers.bytes(field.value), "trailers") { wantsTrailers = true }
      case .cookie:
        if firstCookie < 0 { firstCookie = index }
        cookies += 1
      case .origin:
        if policy == .public {
          put(field, headers, &out)
        } else {
          out.put("Origin: ")
          putFollowingHost(&out, headers.bytes(field.value), policy, authority, bucket)
          out.put("\r\n")
        }
      case .traceparent:
        if TraceParent.isValid(headers.bytes(field.value)), !sawTrace {
          sawTrace = true
          put(field, headers, &out)
        }
      case .secWebSocketKey:
        if method == .connect { continue }
        sawKey = true
        put(field, headers, &out)
      case .secFetchMode:
        fetchMode = ASCII.equalsIgnoringCase(headers.bytes(field.value), "navigate") ? 2 : 1
        put(field, headers, &out)
      case .accept:
        acceptsHTML = acceptsHTML || Navigation.listsHTML(headers.bytes(field.value))
        put(field, headers, &out)
      case .userAgent:
        log.userAgent = put(field, headers, &out)
      case .referer:
        if policy == .public {
          log.referer = put(field, headers, &out)
        } else {
          out.put("Referer: ")
          log.referer = putFollowingHost(&out, headers.bytes(field.value), policy, authority, bucket)
          out.put("\r\n")
        }
      default: put(field, headers, &out)
      }
    }
    wantsPage =
      (method == .get || method == .head) && upgrade == .none && (fetchMode == 2 || (fetchMode == 0 && acceptsHTML))
    if cookies > 0 { putCookies(&out, headers, firstCookie, cookies) }

    out.put("X-Forwarded-For: ")
    if downstream.isPeerTrusted {
      // All of them, in order: a proxy may add a line of its own, and the first one alone would be the client's word.
      for index in 0..<headers.count
      where headers.fields[index].known == .xForwardedFor && !headers.fields[index].value.isEmpty {
        out.put(headers.bytes(headers.fields[index].value))
        out.put(", ")
      }
    }
    let ipStart = out.at
    out.at += downstream.client.ip.write(into: out.base + out.at)
    let ip = UnsafeBufferPointer(start: UnsafePointer(out.base + ipStart), count: out.at - ipStart)
    out.put("\r\nX-Real-IP: ")
    if downstream.isPeerTrusted, let before = headers.value(of: .xRealIP), !before.isEmpty {
      out.put(before)
    } else {
      out.put(ip)
    }
    out.put("\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: ")
    log.host = out.put(authority)
    out.put("\r\nX-Forwarded-Port: ")
    putPort(&out, authority)
    out.put("\r\nX-Request-Id: ")
    let idStart = out.at
    if downstream.isPeerTrusted, let before = headers.value(of: .xRequestID), TraceParent.isPlainID(before) {
      out.put(before)
    } else {
      out.putHex(worker.random.next())
      out.putHex(worker.random.next())
    }
    log.requestID = ByteRange(start: idStart, count: out.at - idStart)
    if !sawTrace {
      // W3C Trace Context §3.2: version 00, 16-byte trace id, 8-byte parent id, sampled.
      out.put("\r\ntraceparent: 00-")
      out.putHex(worker.random.next() | 1)
      out.putHex(worker.random.next())
      out.put("-")
      out.putHex(worker.random.next() | 1)
      out.put("-01")
    }
    switch upgrade {
    case .webSocket:
      out.put("\r\nConnection: Upgrade\r\nUpgrade: websocket")
      if method == .connect || !sawKey {
        // The client's key was for its own hop; HTTP/2 has none (RFC 8441 §5).
        if method == .connect {
          out.put("\r\nSec-WebSocket-Key: ")
          WebSocketKey.put(&out, worker)
          if headers.firstIndex(of: .secWebSocketVersion) < 0 { out.put("\r\nSec-WebSocket-Version: 13") }
        }
      }
    case .other:
      out.put("\r\nConnection: Upgrade\r\nUpgrade: ")
      if let value = headers.value(of: .upgrade) { out.put(value) }
    case .none: break
    }
    switch requestFraming {
    case .length(let length):
      out.put("\r\nContent-Length: ")
      out.putDecimal(length)
    case .chunked: out.put("\r\nTransfer-Encoding: chunked")
    case .none, .untilEnd:
      // A body of no bytes that was announced stays announced; POST and PUT without one say so (RFC 9110 §8.6).
      if headers.firstIndex(of: .contentLength) >= 0, upgrade == .none { out.put("\r\nContent-Length: 0") }
    }
    out.put("\r\n\r\n")
    headCount = out.at
    precondition(headCount <= slab.capacity, "a request head outgrew its measure")
  }

  @inline(__always)
  @discardableResult
  private func put(_ field: HeaderField, _ headers: HeaderList, _ out: inout HeadCursor) -> ByteRange {
    // Name and value are a few bytes apart in HTTP/1.1 heads, but in HTTP/2 they are not: two copies either way.
    out.put(field.name.bytes(in: headers.base))
    out.put(": ")
    let range = out.put(field.value.bytes(in: headers.base))
    out.put("\r\n")
    return range
  }

  private func putHost(
    _ out: inout HeadCursor, _ policy: HostPolicy, _ authority: UnsafeBufferPointer<UInt8>, _ bucket: UpstreamBucket
  ) {
    switch policy {
    case .public: out.put(authority)
    case .localhost:
      out.put("localhost:")
      out.putDecimal(UInt64(bucket.key.port))
    case .fixed(let name): out.put(name)
    }
  }

  /// `Origin` and `Referer` follow `Host` when they are the preview's own: apps compare them with it against cross-site
  /// requests (Django's CSRF check, Jupyter's files). A foreign one is the app's to judge.
  @discardableResult
  private func putFollowingHost(
    _ out: inout HeadCursor, _ url: UnsafeBufferPointer<UInt8>, _ policy: HostPolicy,
    _ authority: UnsafeBufferPointer<UInt8>,
    _ bucket: UpstreamBucket
  ) -> ByteRange {
    let start = out.at
    let own = OwnURL.originCount(url, authority: authority)
    if own > 0 {
      if bucket.target.upstreamProtocol == .https { out.put("https://") } else { out.put("http://") }
      putHost(&out, policy, authority, bucket)
    }
    out.put(UnsafeBufferPointer(rebasing: url[own...]))
    return ByteRange(start: start, count: out.at - start)
  }

  /// The port that the client used: the authority's, or 443.
  private func putPort(_ out: inout HeadCursor, _ authority: UnsafeBufferPointer<UInt8>) {
    var at = authority.count
    while at > 0, ASCII.isDigit(authority[at - 1]) { at -= 1 }
    if at > 0, at < authority.count, authority[at - 1] == 0x3A {
      out.put(UnsafeBufferPointer(rebasing: authority[at...]))
    } else {
      out.put("443")
    }
  }

  /// One `Cookie` field of what may be several (RFC 9113 §8.2.3), our own cookie left out.
  private func putCookies(_ out: inout HeadCursor, _ headers: HeaderList, _ first: Int, _ count: Int) {
    let start = out.at
    out.put("Cookie: ")
    let valueStart = out.at
    var index = first
    while index < headers.count {
      if headers.fields[index].known == .cookie {
        CookieFirewall.copy(headers.bytes(headers.fields[index].value), to: &out, isFirst: out.at == valueStart)
      }
      index += 1
    }
    // Only ours was there.
    if out.at == valueStart { out.at = start } else { out.put("\r\n") }
  }

  /// Keeps what the log wants of a request that is not forwarded.
  func keepForLog(_ view: RequestHead) {
    let base = view.headers.base
    let method = view.methodName.bytes(in: base)
    let target = view.target.bytes(in: base)
    let authority = view.authority.bytes(in: base)
    let agent = view.headers.value(of: .userAgent)
    wantsPage = Pages.wantsPage(
      method: self.method, accept: view.headers.value(of: .accept), secFetchMode: view.headers.value(of: .secFetchMode),
      secFetchDest: view.headers.value(of: .secFetchDest), hasUpgrade: upgrade != .none)
    let slab = worker.loop.slabs.take(method.count + target.count + authority.count + (agent?.count ?? 0) + 64)
    head = slab
    var out = HeadCursor(slab.base)
    log.method = out.put(method)
    log.target = out.put(target)
    log.host = out.put(authority)
    if let agent { log.userAgent = out.put(agent) }
    putRequestID(&out)
  }

  func putRequestID(_ out: inout HeadCursor) {
    let start = out.at
    out.putHex(worker.random.next())
    out.putHex(worker.random.next())
    log.requestID = ByteRange(start: start, count: 32)
  }
}

/// W3C Trace Context, level 1.
enum TraceParent {
  /// §3.2.2: two hex digits, 32, 16, 2, joined by dashes; ids are not all zero; version is not ff.
  static func isValid(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
    guard value.count >= 55, value[2] == 0x2D, value[35] == 0x2D, value[52] == 0x2D else { return false }
    if value.count > 55, value[0] == 0x30, value[1] == 0x30 { return false }
    var traceBits: UInt8 = 0
    var parentBits: UInt8 = 0
    for index in 0..<55 where index != 2 && index != 35 && index != 52 {
      let byte = value[index]
      guard ASCII.isDigit(byte) || (byte &- 0x61) < 6 else { return false }
      if index > 2, index < 35 { traceBits |= byte ^ 0x30 }
      if index > 35, index < 52 { parentBits |= byte ^ 0x30 }
    }
    return traceBits != 0 && parentBits != 0 && !(value[0] == 0x66 && value[1] == 0x66)
  }

  /// A request id that is safe to repeat in headers and logs.
  static func isPlainID(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
    guard !value.isEmpty, value.count <= 128 else { return false }
    return value.allSatisfy {
      ASCII.isDigit($0) || (ASCII.lower($0) &- 0x61) < 26 || $0 == 0x2D || $0 == 0x5F || $0 == 0x2E
    }
  }
}

/// `Sec-WebSocket-Key` of a WebSocket that we open for an HTTP/2 client: 16 random bytes in base64 (RFC 6455 §4.1).
enum WebSocketKey {
  static func put(_ out: inout HeadCursor, _ worker: Worker) {
    let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    var bits = worker.random.next()
    for index in 0..<22 {
      if index == 10 { bits = worker.random.next() }
      if index == 20 { bits = worker.random.next() }
      // The 22nd digit carries two bits only.
      let digit = index == 21 ? Int(bits & 3) << 4 : Int(bits & 63)
      out.base[out.at] = alphabet.utf8Start[digit]
      out.at += 1
      bits >>= 6
    }
    out.put("==")
  }
}

/// A cheap form of `Pages.wantsPage`, asked of every request that is forwarded.
enum Navigation {
  /// Whether an `Accept` names text/html at all; weights are not looked at.
  static func listsHTML(_ accept: UnsafeBufferPointer<UInt8>) -> Bool {
    let name: StaticString = "text/html"
    let count = name.utf8CodeUnitCount
    var at = 0
    while at + count <= accept.count {
      if accept[at] == 0x74, ASCII.equals(UnsafeBufferPointer(rebasing: accept[at..<(at + count)]), name) {
        return true
      }
      at += 1
    }
    return false
  }
}
