import Glibc

/// One client: request after request, until one of them takes the connection over or ends it.
struct DemoConnection {
  private let connection: Connection
  private let room: ChatRoom
  private let startedMs: Int

  init(_ connection: Connection, room: ChatRoom, startedMs: Int) {
    self.connection = connection
    self.room = room
    self.startedMs = startedMs
  }

  func serve() {
    while let request = DemoRequest(from: connection) {
      guard let body = RequestBody(request, connection) else {
        _ = respond(to: request, 400, "text/plain", "bad request\n")
        return
      }
      guard answer(request, body), request.keepsAlive else { return }
    }
  }

  /// False where the connection is of no further use.
  private func answer(_ request: DemoRequest, _ body: RequestBody) -> Bool {
    switch (request.method, request.path) {
    case ("GET", "/chat") where request.lists("upgrade", "websocket"): return chat(request)
    case ("GET", "/echo") where request.lists("upgrade", "websocket"): return echo(request)
    case ("GET", "/clock"): return clock(request)
    case ("POST", "/upload"), ("PUT", "/upload"): return upload(request, body)
    default: break
    }
    var body = body
    if !body.isEnded, !allowBody(request) { return false }
    while body.next() != nil {}
    if body.isBroken { return false }

    switch (request.method, request.path) {
    case ("GET", "/"), ("HEAD", "/"): return respond(to: request, 200, "text/html; charset=utf-8", DemoPage.html)
    case ("GET", "/style.css"), ("HEAD", "/style.css"):
      return respond(to: request, 200, "text/css; charset=utf-8", DemoPage.style)
    case ("GET", "/app.js"), ("HEAD", "/app.js"):
      return respond(to: request, 200, "text/javascript; charset=utf-8", DemoPage.script)
    case ("GET", "/icon.svg"), ("HEAD", "/icon.svg"): return respond(to: request, 200, "image/svg+xml", DemoPage.icon)
    case ("GET", "/download"): return download(request)
    case (_, "/headers"): return respond(to: request, 200, "application/json", DemoConnection.describe(request))
    default: return respond(to: request, 404, "text/plain; charset=utf-8", "There is no \(request.path) here.\n")
    }
  }

  // MARK: Answers

  private func respond(to request: DemoRequest, _ status: Int, _ type: String, _ text: String) -> Bool {
    let body = Array(text.utf8)
    let head = DemoConnection.head(
      request, status, [("Content-Type", type), ("Content-Length", "\(body.count)"), ("Cache-Control", "no-cache")])
    return connection.send(Array(head.utf8) + (request.method == "HEAD" ? [] : body))
  }

  private static func head(_ request: DemoRequest, _ status: Int, _ fields: [(String, String)]) -> String {
    let reasons = [
      101: "Switching Protocols", 200: "OK", 400: "Bad Request", 404: "Not Found", 426: "Upgrade Required",
    ]
    var head = "HTTP/1.1 \(status) \(reasons[status] ?? "")\r\n"
    for (name, value) in fields { head += "\(name): \(value)\r\n" }
    if status != 101, !request.keepsAlive { head += "Connection: close\r\n" }
    return head + "\r\n"
  }

  /// RFC 9110 §10.1.1: the client holds its body back until it hears this.
  private func allowBody(_ request: DemoRequest) -> Bool {
    request.lists("expect", "100-continue") ? connection.send("HTTP/1.1 100 Continue\r\n\r\n") : true
  }

  /// What arrived here, as it arrived: the other side of what the proxy adds and takes away.
  private static func describe(_ request: DemoRequest) -> String {
    let fields = request.fields.map { "[\(Text.json($0.name)),\(Text.json($0.value))]" }.joined(separator: ",")
    return
      "{\"method\":\(Text.json(request.method)),\"target\":\(Text.json(request.target)),\"version\":\(Text.json(request.version)),\"headers\":[\(fields)]}\n"
  }

  // MARK: Streams

  private func upload(_ request: DemoRequest, _ body: RequestBody) -> Bool {
    var body = body
    if !body.isEnded, !allowBody(request) { return false }
    let digest = Digest(.sha256)
    let beganMs = Clock.nowMs
    var count = 0
    while let bytes = body.next() {
      digest.update(bytes)
      count += bytes.count
    }
    if body.isBroken { return false }
    let answer = "{\"bytes\":\(count),\"sha256\":\"\(Text.hex(digest.finish()))\",\"ms\":\(Clock.nowMs - beganMs)}\n"
    return respond(to: request, 200, "application/json", answer)
  }

  /// `/download?bytes=1048576`: that many bytes, for measuring.
  private func download(_ request: DemoRequest) -> Bool {
    guard let remaining = Int(request.query("bytes") ?? "1048576"), (0...(1 << 40)).contains(remaining) else {
      return respond(to: request, 400, "text/plain", "bytes has to be a number\n")
    }
    guard
      connection.send(
        DemoConnection.head(
          request, 200, [("Content-Type", "application/octet-stream"), ("Content-Length", "\(remaining)")]))
    else { return false }
    let block = [UInt8](repeating: 0x2E, count: 65536)
    var left = remaining
    while left > 0 {
      guard connection.send(left >= block.count ? block : Array(block[..<left])) else { return false }
      left -= min(left, block.count)
    }
    return true
  }

  /// Server-sent events, one each second, until the client goes.
  private func clock(_ request: DemoRequest) -> Bool {
    guard
      connection.send(
        DemoConnection.head(
          request, 200,
          [("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache"), ("Transfer-Encoding", "chunked")]))
    else { return false }
    var number = 0
    while true {
      let nowMs = Clock.nowMs
      let event = "id: \(number)\ndata: {\"nowMs\":\(nowMs),\"upSec\":\((nowMs - startedMs) / 1000)}\n\n"
      guard connection.send("\(String(event.utf8.count, radix: 16))\r\n\(event)\r\n") else { return false }
      number += 1
      // To the next full second, so that all clients tick together.
      usleep(UInt32(1000 - Clock.nowMs % 1000) * 1000)
      if isGone { return false }
    }
  }

  /// The client closed its side: noticed without reading, so that a pipelined request stays where it is.
  private var isGone: Bool {
    var byte: UInt8 = 0
    let count = recv(connection.descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
    return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)
  }

  // MARK: WebSockets

  private func chat(_ request: DemoRequest) -> Bool {
    upgrade(request) { socket in
      let number = room.enter(socket)
      socket.receive(from: connection) { message in
        if case .text(let text) = message { room.say(text, from: number) }
      }
      room.leave(number)
    }
  }

  private func echo(_ request: DemoRequest) -> Bool {
    upgrade(request) { socket in socket.receive(from: connection) { socket.send($0) } }
  }

  /// Always false: when `body` returns, the connection has served its purpose.
  private func upgrade(_ request: DemoRequest, _ body: (WebSocket) -> Void) -> Bool {
    guard let key = request["sec-websocket-key"], request["sec-websocket-version"] == "13" else {
      _ = respond(to: request, 426, "text/plain", "WebSocket version 13, please\n")
      return false
    }
    let fields = [
      ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", WebSocket.accept(key: key)),
    ]
    guard connection.send(DemoConnection.head(request, 101, fields)) else { return false }
    connection.waitAtMost(sec: 0)  // A WebSocket may be silent for hours.
    let socket = WebSocket(connection.descriptor)
    body(socket)
    socket.forget()
    return false
  }
}
