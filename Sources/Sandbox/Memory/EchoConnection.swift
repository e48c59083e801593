internal import Demo
internal import Glibc

/// What the application of a simulated sandbox does with one connection: it says what it received.
///
/// `GET /any/path` is answered by JSON; WebSockets are echoed; `/sse`, and whoever accepts `text/event-stream`, gets a
/// tick every `everyMs` (100). In the query of any path: `status=503`, `delayMs=500` (before the answer), `bytes=1000`
/// (a body of that size instead of JSON), `header=Name:value` (percent-encoded, may be repeated).
struct EchoConnection {
  /// What the answer tells of the sandbox.
  struct Sandbox {
    let id: String
    /// How often it was started: 1, and one more after each restart.
    let boots: Int
    /// Requests since it was started, pauses and hibernations included: what stands for its memory.
    let memory: Int
  }

  private let connection: Connection
  private let port: UInt16
  /// Counts a request; nil where the sandbox does not run.
  private let count: () -> Sandbox?

  init(_ descriptor: Int32, port: UInt16, count: @escaping () -> Sandbox?) {
    connection = Connection(descriptor)
    self.port = port
    self.count = count
  }

  func serve() {
    while let request = DemoRequest(from: connection), let body = RequestBody(request, connection) {
      guard let sandbox = count(), answer(request, body, sandbox), request.keepsAlive else { return }
    }
  }

  /// False where the connection is of no further use.
  private func answer(_ request: DemoRequest, _ body: RequestBody, _ sandbox: Sandbox) -> Bool {
    if request.lists("upgrade", "websocket") { return echo(request) }
    var body = body
    if !body.isEnded, request.lists("expect", "100-continue"), !connection.send("HTTP/1.1 100 Continue\r\n\r\n") {
      return false
    }
    var bodyBytes = 0
    while let bytes = body.next() { bodyBytes += bytes.count }
    if body.isBroken { return false }
    if let delayMs = request.query("delayMs").flatMap({ Int($0) }) {
      usleep(UInt32(max(0, min(delayMs, 60_000))) * 1000)
    }
    if request.path == "/sse" || request.lists("accept", "text/event-stream") { return tick(request, sandbox) }
    return respond(request, sandbox, bodyBytes)
  }

  private func respond(_ request: DemoRequest, _ sandbox: Sandbox, _ bodyBytes: Int) -> Bool {
    let status = request.query("status").flatMap { Int($0) }.flatMap { (200...599).contains($0) ? $0 : nil } ?? 200
    var type = "application/json"
    var body = Array(describe(request, sandbox, bodyBytes).utf8)
    if let count = request.query("bytes").flatMap({ Int($0) }), (0...(64 << 20)).contains(count) {
      type = "application/octet-stream"
      body = [UInt8](repeating: 0x2E, count: count)
    }
    let isBodiless = status == 204 || status == 304
    var fields = [("Content-Type", type), ("Cache-Control", "no-store")]
    if !isBodiless { fields.append(("Content-Length", "\(body.count)")) }
    let head = EchoConnection.head(request, status, fields + EchoConnection.wantedFields(request))
    return connection.send(Array(head.utf8) + (request.method == "HEAD" || isBodiless ? [] : body))
  }

  private func describe(_ request: DemoRequest, _ sandbox: Sandbox, _ bodyBytes: Int) -> String {
    let headers = request.fields.map { "[\(Text.json($0.name)),\(Text.json($0.value))]" }.joined(separator: ",")
    return """
      {"sandbox":"\(sandbox.id)","port":\(port),"boots":\(sandbox.boots),"memory":\(sandbox.memory),\
      "method":\(Text.json(request.method)),"target":\(Text.json(request.target)),"headers":[\(headers)],\
      "bodyBytes":\(bodyBytes)}

      """
  }

  private static func head(_ request: DemoRequest, _ status: Int, _ fields: [(String, String)]) -> String {
    var head = "HTTP/1.1 \(status) \(status == 200 ? "OK" : "Echo")\r\n"
    for (name, value) in fields { head += "\(name): \(value)\r\n" }
    if status != 101, !request.keepsAlive { head += "Connection: close\r\n" }
    return head + "\r\n"
  }

  /// The `header=` of the query. Nothing that could end a line gets through.
  private static func wantedFields(_ request: DemoRequest) -> [(String, String)] {
    let query = request.target.drop { $0 != "?" }.dropFirst()
    return query.split(separator: "&").filter { $0.hasPrefix("header=") }.compactMap { pair in
      let text = decoded(pair.dropFirst(7)).filter { !$0.isNewline && $0 != "\r" && $0 != "\0" }
      guard let colon = text.firstIndex(of: ":") else { return nil }
      let value = text[text.index(after: colon)...].drop { $0 == " " }
      return (String(text[..<colon]), String(value))
    }
  }

  private static func decoded(_ text: Substring) -> String {
    var out: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
        out.append(value)
        rest = rest.dropFirst(2)
      } else {
        out.append(byte)
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  // MARK: Streams

  /// Server-sent events until the client goes, or the sandbox does not run any more.
  private func tick(_ request: DemoRequest, _ sandbox: Sandbox) -> Bool {
    let everyMs = max(1, min(request.query("everyMs").flatMap { Int($0) } ?? 100, 60_000))
    let fields = [
      ("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"), ("Transfer-Encoding", "chunked"),
    ]
    guard connection.send(EchoConnection.head(request, 200, fields)) else { return false }
    var number = 0
    while true {
      let event = "id: \(number)\ndata: {\"sandbox\":\"\(sandbox.id)\",\"tick\":\(number)}\n\n"
      guard connection.send("\(String(event.utf8.count, radix: 16))\r\n\(event)\r\n") else { return false }
      number += 1
      if isGone(withinMs: everyMs) { return false }
    }
  }

  /// Whether the other side ends the connection, or we do, while we wait that long.
  private func isGone(withinMs: Int) -> Bool {
    // POLLRDHUP, which Glibc hides from Swift.
    var entry = pollfd(fd: connection.descriptor, events: 0x2000, revents: 0)
    return poll(&entry, 1, Int32(withinMs)) > 0
  }

  private func echo(_ request: DemoRequest) -> Bool {
    guard let key = request["sec-websocket-key"], request["sec-websocket-version"] == "13" else {
      _ = connection.send("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
      return false
    }
    var fields = [
      ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", WebSocket.accept(key: key)),
    ]
    // The first of the protocols that the client offers, or browsers close the connection again.
    if let offered = request["sec-websocket-protocol"]?.split(separator: ",").first {
      fields.append(("Sec-WebSocket-Protocol", offered.filter { $0 != " " }))
    }
    guard connection.send(EchoConnection.head(request, 101, fields)) else { return false }
    connection.waitAtMost(sec: 0)
    let socket = WebSocket(connection.descriptor)
    socket.receive(from: connection) { socket.send($0) }
    socket.forget()
    return false
  }
}
