import Bytes
import HTTP
import HTTP1
import HTTP2
import Loop
import Router
import Sandbox

extension Exchange {
  /// Fields of an app's response that end here: RFC 9110 §7.6.1, and words that only Porthole says.
  @inline(__always)
  private func isForwarded(_ field: HeaderField, status: UInt16) -> Bool {
    switch field.known {
    case .other: return !field.isDropped
    case .connection, .keepAlive, .proxyConnection, .transferEncoding, .http2Settings: return false
    // The control side is ourselves.
    case .portholeError, .portholeForwarded: return bucket?.target === worker.control
    // RFC 9110 §15.5.22: a 426 has to say to what.
    case .upgrade: return status == 426 && stream == nil
    case .strictTransportSecurity: return worker.settings.hsts.isEmpty
    case .contentLength: return false
    default: return !field.isDropped
    }
  }

  /// The length to announce: of the body that follows, or of the one that a GET would have brought.
  private func announcedLength(_ view: ResponseHead) -> UnsafeBufferPointer<UInt8>? {
    // RFC 9110 §8.6: never with 1xx or 204.
    if view.status < 200 || view.status == 204 { return nil }
    switch view.body {
    case .length, .none: return view.headers.value(of: .contentLength)
    case .chunked, .untilEnd: return nil
    }
  }

  // MARK: HTTP/1.1

  func writeResponseHead(_ view: ResponseHead) {
    guard let downstream else { return }
    // HTTP/1.1 clients read chunks; for HTTP/1.0 the end of the connection is the end of the body (RFC 9112 §6.3).
    switch view.body {
    case .chunked, .untilEnd:
      responseFraming = minorVersion == 0 ? .untilEnd : .chunked
      if minorVersion == 0 { downstream.keepsAlive = false }
    case .none, .length: responseFraming = view.body
    }
    if !isRequestComplete { noteEarlyAnswer() }
    // 640 for lines of ours, 300 for an authority in `Location`, and an origin.
    var out = begin(view.headers, extra: 940 + embedOrigin.count)
    putStatusLine(view, &out)
    putFields(view, &out)
    if let length = announcedLength(view) {
      out.put("Content-Length: ")
      out.put(length)
      out.put("\r\n")
    } else if responseFraming == .chunked {
      out.put("Transfer-Encoding: chunked\r\n")
    }
    if !downstream.keepsAlive {
      if view.status == 426 { out.put("Connection: close, upgrade\r\n") } else { out.put("Connection: close\r\n") }
    } else if minorVersion == 0 {
      out.put("Connection: keep-alive\r\n")
    } else if view.status == 426 {
      out.put("Connection: upgrade\r\n")
    }
    out.put("\r\n")
    worker.outCount += out.at
  }

  /// The answer is there and the request is not all here: whether the client goes on sending is not known, so the
  /// connection carries nothing after this.
  private func noteEarlyAnswer() { downstream?.keepsAlive = false }

  /// A cursor in `out` with room for these headers.
  private func begin(_ headers: HeaderList, extra: Int) -> HeadCursor {
    var bound = extra
    for index in 0..<headers.count {
      bound &+= Int(headers.fields[index].name.count) &+ Int(headers.fields[index].value.count) &+ 4
    }
    if worker.outCount + bound > Worker.outBytes { downstream?.flushOut() }
    precondition(bound <= Worker.outBytes, "a response head is larger than its limit")
    return HeadCursor(worker.out + worker.outCount)
  }

  private func putStatusLine(_ view: ResponseHead, _ out: inout HeadCursor) {
    out.put("HTTP/1.1 ")
    out.putDecimal(UInt64(view.status))
    out.put(" ")
    if view.reason.isEmpty {
      out.put(Reason.phrase(view.status))
    } else {
      out.put(view.reason.bytes(in: view.headers.base))
    }
    out.put("\r\n")
  }

  private func putFields(_ view: ResponseHead, _ out: inout HeadCursor) {
    let headers = view.headers
    var sawDate = false
    // One may grow by what `begin` has room for; a second one is not HTTP (RFC 9110 §5.3) and goes as it is.
    var sawLocation = false
    var sawAllowOrigin = false
    for index in 0..<headers.count {
      let field = headers.fields[index]
      guard isForwarded(field, status: view.status) else { continue }
      let value = headers.bytes(field.value)
      if field.known == .setCookie {
        switch CookieFirewall.judge(setCookie: value, host: previewHost) {
        case .pass: break
        case .drop: continue
        case .narrow(let gone):
          out.put("Set-Cookie: ")
          out.put(UnsafeBufferPointer(rebasing: value[..<Int(gone.start)]))
          out.put(UnsafeBufferPointer(rebasing: value[gone.end...]))
          out.put("\r\n")
          continue
        }
      } else if field.known == .date {
        sawDate = true
      } else if field.known == .accessControlAllowOrigin {
        sawAllowOrigin = true
      } else if field.known == .location, !sawLocation {
        sawLocation = true
        out.put("Location: ")
        putLocation(value, &out)
        out.put("\r\n")
        continue
      }
      out.put(headers.bytes(field.name))
      out.put(": ")
      out.put(value)
      out.put("\r\n")
    }
    guard view.status >= 200 else { return }
    // RFC 9110 §6.6.1: a response without a date gets one here.
    if !sawDate {
      out.put("Date: ")
      out.put(worker.date.text(worker))
      out.put("\r\n")
    }
    if !embedOrigin.isEmpty, !sawAllowOrigin {
      out.put("Access-Control-Allow-Origin: ")
      embedOrigin.withUnsafeBufferPointer { _ = out.put($0) }
      out.put("\r\nAccess-Control-Allow-Credentials: true\r\nVary: Origin\r\n")
    }
    if !worker.settings.hsts.isEmpty, downstream?.isTLS == true {
      out.put("Strict-Transport-Security: ")
      out.put(worker.settings.hsts)
      out.put("\r\n")
    }
  }

  func writeInterimHead(_ view: ResponseHead) {
    var out = begin(view.headers, extra: 640 + embedOrigin.count)
    putStatusLine(view, &out)
    putFields(view, &out)
    out.put("\r\n")
    worker.outCount += out.at
  }

  /// The host that the client asked for, without its port.
  private var previewHost: UnsafeBufferPointer<UInt8> { OwnURL.split(previewAuthority).host }

  private var previewAuthority: UnsafeBufferPointer<UInt8> {
    guard let head else { return UnsafeBufferPointer(start: nil, count: 0) }
    return log.host.bytes(in: head.base)
  }

  /// A redirect to what the app takes for its own address, `http://localhost:3000/x`, leads to the preview: it knows
  /// neither TLS nor, with a `Host` that was changed, its own name. Any other one is the app's word.
  private func putLocation(_ location: UnsafeBufferPointer<UInt8>, _ out: inout HeadCursor) {
    let own = ownOriginCount(location)
    if own > 0 {
      out.put("https://")
      out.put(previewAuthority)
    }
    out.put(UnsafeBufferPointer(rebasing: location[own...]))
  }

  private func ownOriginCount(_ location: UnsafeBufferPointer<UInt8>) -> Int {
    // Paths, which most are.
    guard let bucket, location.count > 7, ASCII.lower(location[0]) == UInt8(ascii: "h") else { return 0 }
    let (host, port) = OwnURL.split(previewAuthority)
    let appsPort = bucket.key.port
    switch bucket.target.hostPolicy {
    case .public: return OwnURL.originCount(location, host: host, port: port, orPort: appsPort)
    case .localhost:
      let name: StaticString = "localhost"
      let told = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
      return OwnURL.originCount(location, host: told, port: appsPort, orPort: appsPort)
    case .fixed(let name):
      var name = name
      return name.withUTF8 {
        let told = OwnURL.split($0)
        return OwnURL.originCount(location, host: told.host, port: told.port, orPort: appsPort)
      }
    }
  }

  // MARK: HTTP/2

  func submitResponse(_ view: ResponseHead, on stream: HTTP2Stream) {
    guard let downstream, let h2 = downstream.h2 else { return }
    beginHTTP2Fields(view, h2)
    if let length = announcedLength(view) { h2.addField("content-length", length) }
    let hasBody = view.body != .none && view.body != .length(0)
    h2.submitResponse(stream, hasBody: hasBody)
    if !hasBody { responseFraming = .none }
    downstream.observeTurnEnd(of: worker.loop)
  }

  func submitInterim(_ view: ResponseHead, on stream: HTTP2Stream) {
    guard let downstream, let h2 = downstream.h2 else { return }
    beginHTTP2Fields(view, h2)
    h2.submitInterim(stream)
    downstream.observeTurnEnd(of: worker.loop)
  }

  /// Status and fields; names are folded to lower case by nghttp2 as it copies them.
  private func beginHTTP2Fields(_ view: ResponseHead, _ h2: HTTP2Session) {
    let headers = view.headers
    h2.beginFields()
    // Scratch that lives until the submit: the status, and cookies that were narrowed.
    var out = HeadCursor(worker.out + worker.outCount)
    let status = out.at
    out.putDecimal(UInt64(view.status))
    h2.addField(":status", UnsafeBufferPointer(start: UnsafePointer(out.base + status), count: out.at - status))
    var sawDate = false
    var sawLocation = false
    var sawAllowOrigin = false
    for index in 0..<headers.count {
      let field = headers.fields[index]
      guard isForwarded(field, status: view.status) else { continue }
      var value = headers.bytes(field.value)
      if field.known == .setCookie {
        switch CookieFirewall.judge(setCookie: value, host: previewHost) {
        case .pass: break
        case .drop: continue
        case .narrow(let gone):
          let start = out.at
          out.put(UnsafeBufferPointer(rebasing: value[..<Int(gone.start)]))
          out.put(UnsafeBufferPointer(rebasing: value[gone.end...]))
          value = UnsafeBufferPointer(start: UnsafePointer(out.base + start), count: out.at - start)
        }
      } else if field.known == .date {
        sawDate = true
      } else if field.known == .accessControlAllowOrigin {
        sawAllowOrigin = true
      } else if field.known == .location, !sawLocation {
        sawLocation = true
        let start = out.at
        putLocation(value, &out)
        value = UnsafeBufferPointer(start: UnsafePointer(out.base + start), count: out.at - start)
      }
      h2.addField(headers.bytes(field.name), value)
    }
    guard view.status >= 200 else { return }
    if !sawDate { h2.addField("date", worker.date.text(worker)) }
    if !embedOrigin.isEmpty, !sawAllowOrigin {
      let start = out.at
      embedOrigin.withUnsafeBufferPointer { _ = out.put($0) }
      h2.addField(
        "access-control-allow-origin",
        UnsafeBufferPointer(start: UnsafePointer(out.base + start), count: out.at - start))
      h2.addField("access-control-allow-credentials", "true")
      h2.addField("vary", "Origin")
    }
    if !worker.settings.hsts.isEmpty {
      let start = out.at
      out.put(worker.settings.hsts)
      h2.addField(
        "strict-transport-security", UnsafeBufferPointer(start: UnsafePointer(out.base + start), count: out.at - start))
    }
  }
}

/// Writes a trailer section's field lines, framing fields left out (RFC 9110 §6.5.1).
enum TrailerWriter {
  static func put(_ trailers: HeaderList, at out: UnsafeMutablePointer<UInt8>, room: Int) -> Int {
    var used = 0
    for index in 0..<trailers.count {
      let field = trailers.fields[index]
      guard isAllowed(field.known), !field.isDropped else { continue }
      let bytes = Int(field.name.count) + Int(field.value.count) + 4
      if used + bytes > room { break }
      used += Wire.put(trailers.bytes(field.name), at: out + used)
      used += Wire.put(": ", at: out + used)
      used += Wire.put(trailers.bytes(field.value), at: out + used)
      used += Wire.put("\r\n", at: out + used)
    }
    return used
  }

  /// Marks what HTTP/2 trailers leave out; `connection` and its like would make them malformed (RFC 9113 §8.2.2).
  static func drop(_ trailers: HeaderList) {
    for index in 0..<trailers.count where !isAllowed(trailers.fields[index].known) {
      trailers.fields[index].isDropped = true
    }
  }

  static func isAllowed(_ name: HeaderName) -> Bool {
    switch name {
    case .connection, .contentLength, .transferEncoding, .upgrade, .te, .trailer, .keepAlive, .proxyConnection, .host,
      .authorization, .cookie, .setCookie, .xPortholeToken, .xForwardedFor, .xForwardedHost, .xForwardedProto,
      .xForwardedPort,
      .xForwardedOther, .xRealIP, .xRequestID, .forwarded, .contentRange, .contentType, .expect, .portholeError,
      .portholeForwarded:
      return false
    default: return true
    }
  }
}

/// Reason phrases for status codes that need one of ours (RFC 9110 §15).
enum Reason {
  static func phrase(_ status: UInt16) -> StaticString {
    switch status {
    case 100: "Continue"
    case 101: "Switching Protocols"
    case 103: "Early Hints"
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 206: "Partial Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 303: "See Other"
    case 304: "Not Modified"
    case 307: "Temporary Redirect"
    case 308: "Permanent Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 417: "Expectation Failed"
    case 421: "Misdirected Request"
    case 422: "Unprocessable Content"
    case 426: "Upgrade Required"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    default: ""
    }
  }
}

/// The `Date` of this second (RFC 9110 §5.6.7), formatted once per second and worker.
struct DateText {
  private var second: UInt64 = .max
  private let buffer: UnsafeMutablePointer<UInt8> = .allocate(capacity: 32)

  mutating func text(_ worker: Worker) -> UnsafeBufferPointer<UInt8> { text(seconds: worker.wallSeconds) }

  /// `now` in seconds since 1970.
  mutating func text(seconds now: UInt64) -> UnsafeBufferPointer<UInt8> {
    if now != second {
      second = now
      write(now)
    }
    return UnsafeBufferPointer(start: buffer, count: 29)
  }

  /// `Sun, 06 Nov 1994 08:49:37 GMT`; days to civil date after Howard Hinnant, chrono-compatible algorithms.
  private func write(_ now: UInt64) {
    let days = Int(now / 86_400)
    let rest = Int(now % 86_400)
    let z = days + 719_468
    let era = z / 146_097
    let dayOfEra = z - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let m = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * m + 2) / 5 + 1
    let month = m < 10 ? m + 3 : m - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let names: StaticString = "ThuFriSatSunMonTueWed"
    let months: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"
    var out = HeadCursor(buffer)
    func two(_ value: Int) {
      out.base[out.at] = UInt8(0x30 + value / 10)
      out.base[out.at + 1] = UInt8(0x30 + value % 10)
      out.at += 2
    }
    out.put(UnsafeBufferPointer(start: names.utf8Start + days % 7 * 3, count: 3))
    out.put(", ")
    two(day)
    out.put(" ")
    out.put(UnsafeBufferPointer(start: months.utf8Start + (month - 1) * 3, count: 3))
    out.put(" ")
    two(year / 100)
    two(year % 100)
    out.put(" ")
    two(rest / 3600)
    out.put(":")
    two(rest / 60 % 60)
    out.put(":")
    two(rest % 60)
    out.put(" GMT")
  }
}
