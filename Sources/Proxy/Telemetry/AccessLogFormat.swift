internal import Bytes

/// How a line of the access log looks. docs/access-log.md shows each.
public enum AccessLogFormat: String, Sendable, CaseIterable {
  case json
  /// The Common Log Format of NCSA httpd.
  case common
  /// `common` with `Referer` and `User-Agent`, as Apache and nginx name it.
  case combined
}

extension AccessRecord {
  func writeJSON(to line: inout LineWriter, _ timestamps: inout TimestampCache) {
    line.literal(#"{"time":""#)
    timestamps.write(ns: timeNs, to: &line)
    line.literal(#"","client":""#)
    line.address(client)
    line.literal(#"""#)
    json(#","method":""#, method, BytesMax.method, to: &line)
    json(#","host":""#, host, BytesMax.host, to: &line)
    line.literal(#","target":""#)
    url(target, BytesMax.target, .json, to: &line)
    line.literal(#"","protocol":""#)
    line.literal(protocolName)
    line.literal(#"","status":"#)
    line.decimal(UInt64(status))
    line.literal(#","requestBytes":"#)
    line.decimal(requestBytes)
    line.literal(#","responseBytes":"#)
    line.decimal(responseBytes)
    line.literal(#","durationMs":"#)
    line.milliseconds(us: durationUs)
    if let firstByteUs {
      line.literal(#","firstByteMs":"#)
      line.milliseconds(us: firstByteUs)
    }
    json(#","sandbox":""#, sandbox, BytesMax.sandbox, to: &line)
    if port != 0 {
      line.literal(#","port":"#)
      line.decimal(UInt64(port))
    }
    if let upstream { json(upstream, to: &line) }
    if let refusal { json(#","error":""#, refusal, to: &line) }
    json(#","requestId":""#, requestID, BytesMax.requestID, to: &line)
    if let tls { json(#","tls":""#, tls, to: &line) }
    json(#","userAgent":""#, userAgent, BytesMax.userAgent, to: &line)
    if !referer.isEmpty {
      line.literal(#","referer":""#)
      url(referer, BytesMax.referer, .json, to: &line)
      line.literal(#"""#)
    }
    line.literal("}\n")
  }

  /// `host ident user [time] "request" status bytes`, then referer and user agent where `combined`.
  func writeCommon(to line: inout LineWriter, _ timestamps: inout TimestampCache, combined: Bool) {
    line.address(client)
    line.literal(" - - [")
    timestamps.write(ns: timeNs, to: &line)
    line.literal("] \"")
    cut(method, BytesMax.method, .hex, to: &line)
    line.literal(" ")
    url(target, BytesMax.target, .hex, to: &line)
    line.literal(" ")
    line.literal(protocolName)
    line.literal("\" ")
    line.decimal(UInt64(status), digits: 3)
    line.literal(" ")
    if responseBytes == 0 { line.literal("-") } else { line.decimal(responseBytes) }
    if combined {
      line.literal(" \"")
      if referer.isEmpty { line.literal("-") } else { url(referer, BytesMax.referer, .hex, to: &line) }
      line.literal("\" \"")
      if userAgent.isEmpty { line.literal("-") } else { cut(userAgent, BytesMax.userAgent, .hex, to: &line) }
      line.literal("\"")
    }
    line.literal("\n")
  }

  /// A string member, left out where it is empty. `key` ends in the opening quotation mark.
  private func json(_ key: StaticString, _ text: Text, _ bytesMax: Int, to line: inout LineWriter) {
    guard !text.isEmpty else { return }
    line.literal(key)
    cut(text, bytesMax, .json, to: &line)
    line.literal(#"""#)
  }

  private func json(_ key: StaticString, _ word: StaticString, to line: inout LineWriter) {
    line.literal(key)
    line.literal(word)
    line.literal(#"""#)
  }

  private func json(_ upstream: SocketAddress, to line: inout LineWriter) {
    line.literal(#","upstream":""#)
    if !upstream.ip.isV4 { line.literal("[") }
    line.address(upstream.ip)
    if !upstream.ip.isV4 { line.literal("]") }
    line.literal(":")
    line.decimal(UInt64(upstream.port))
    line.literal(#"""#)
  }

  private func cut(_ text: Text, _ bytesMax: Int, _ escaping: LineWriter.Escaping, to line: inout LineWriter) {
    line.escaped(Text(rebasing: text.prefix(bytesMax)), escaping)
    if text.count > bytesMax { line.literal("...") }
  }

  /// Cut first and redacted after, so that a secret that reaches over the cut is still seen as one.
  private func url(_ url: Text, _ bytesMax: Int, _ escaping: LineWriter.Escaping, to line: inout LineWriter) {
    SecretRedaction.write(Text(rebasing: url.prefix(bytesMax)), to: &line, escaping)
    if url.count > bytesMax { line.literal("...") }
  }
}
