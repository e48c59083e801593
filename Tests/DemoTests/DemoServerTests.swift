import Glibc
import Testing

@testable import Demo

/// The server on a real socket, spoken to byte by byte.
@Suite struct DemoServerTests {
  private func client() throws -> Connection {
    let server = try DemoServer(port: 0)
    server.start()
    return try #require(dial(server.port))
  }

  private func dial(_ port: UInt16) -> Connection? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    let connection = Connection(descriptor)
    connection.waitAtMost(sec: 10)
    return status == 0 ? connection : nil
  }

  /// The head's lines and a body of `Content-Length`.
  private func response(_ connection: Connection) throws -> (head: [String], body: String) {
    var head: [String] = []
    while let line = connection.readLine(max: 9999), !line.isEmpty {
      head.append(String(decoding: line, as: UTF8.self))
    }
    let length = head.first { $0.hasPrefix("Content-Length: ") }.flatMap { Int($0.dropFirst(16)) } ?? 0
    return (head, String(decoding: try #require(connection.readExactly(length)), as: UTF8.self))
  }

  @Test func thePageAndItsPartsAreServedOnOneConnection() throws {
    let connection = try client()
    for (path, mark) in [
      ("/", "<!doctype html>"), ("/style.css", "prefers-color-scheme"), ("/app.js", "EventSource"),
      ("/icon.svg", "<svg"),
    ] {
      #expect(connection.send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n"))
      let (head, body) = try response(connection)
      #expect(head.first == "HTTP/1.1 200 OK")
      #expect(body.contains(mark))
    }
  }

  @Test func thePageAsksForNothingFromElsewhere() {
    for text in [DemoPage.html, DemoPage.style, DemoPage.script] {
      #expect(!text.replacing("http://www.w3.org/2000/svg", with: "").contains("://"))
    }
  }

  @Test(arguments: [
    "Content-Length: 5\r\n\r\nhello",
    "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: 1\r\n\r\n",
  ]) func uploadsAreCountedAndDigested(_ rest: String) throws {
    let connection = try client()
    #expect(connection.send("POST /upload HTTP/1.1\r\nHost: x\r\n\(rest)"))
    let body = try response(connection).body
    #expect(
      body.hasPrefix("{\"bytes\":5,\"sha256\":\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\""))
  }

  @Test func aHeldBackBodyIsAskedFor() throws {
    let connection = try client()
    #expect(connection.send("PUT /upload HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"))
    #expect(try response(connection).head == ["HTTP/1.1 100 Continue"])
    #expect(connection.send("x"))
    #expect(try response(connection).head.first == "HTTP/1.1 200 OK")
  }

  @Test func headersComeBackAsTheyWereSent() throws {
    let connection = try client()
    #expect(connection.send("PATCH /headers?a=%2F HTTP/1.1\r\nHost: x\r\nX-Odd:  \"q\\\"\t\r\n\r\n"))
    #expect(
      try response(connection).body
        == #"{"method":"PATCH","target":"/headers?a=%2F","version":"HTTP/1.1","headers":[["Host","x"],["X-Odd","\"q\\\""]]}"#
        + "\n")
  }

  @Test func theClockTicks() throws {
    let connection = try client()
    #expect(connection.send("GET /clock HTTP/1.1\r\nHost: x\r\n\r\n"))
    #expect(try response(connection).head.contains("Content-Type: text/event-stream"))
    for number in 0..<2 {
      let size = try #require(
        connection.readLine(max: 9).flatMap { Int(String(decoding: $0, as: UTF8.self), radix: 16) })
      let event = String(decoding: try #require(connection.readExactly(size + 2)), as: UTF8.self)
      #expect(event.hasPrefix("id: \(number)\ndata: {\"nowMs\":"))
    }
  }

  @Test func aWebSocketEchoes() throws {
    let connection = try client()
    // The example of RFC 6455 §1.3.
    #expect(
      connection.send(
        "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
      ))
    #expect(try response(connection).head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
    // "Hello" in two fragments with a ping between them.
    #expect(connection.send(masked(0x01, "Hel") + masked(0x89, "p") + masked(0x80, "lo")))
    #expect(connection.readExactly(3) == [0x8A, 1, 0x70])
    #expect(connection.readExactly(7) == [0x81, 5] + Array("Hello".utf8))
    #expect(connection.send(masked(0x88, "\u{3}\u{68}")))
    #expect(connection.readExactly(4) == [0x88, 2, 3, 0x68])
    #expect(connection.read(max: 1) == nil)
  }

  @Test(
    arguments: [
      ([0x81, 0x01, 0x61], 1002, "not masked"), ([0xC1, 0x80, 0, 0, 0, 0], 1002, "reserved bit"),
      ([0x80, 0x80, 0, 0, 0, 0], 1002, "nothing to continue"), ([0x81, 0x81, 0, 0, 0, 0, 0xFF], 1007, "no UTF-8"),
      ([0x82, 0xFF, 0, 0, 0, 0, 0x7F, 0, 0, 0], 1009, "too large"),
    ] as [([UInt8], Int, String)]) func badFramesEndTheWebSocket(_ frame: [UInt8], code: Int, why: String) throws
  {
    let connection = try client()
    #expect(
      connection.send(
        "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
      ))
    _ = try response(connection)
    #expect(connection.send(frame))
    #expect(connection.readExactly(4) == [0x88, 2, UInt8(code >> 8), UInt8(code & 0xFF)])
  }

  @Test func whatOneGuestSaysAllHear() throws {
    let server = try DemoServer(port: 0)
    server.start()
    let guests = [try #require(dial(server.port)), try #require(dial(server.port))]
    for guest in guests {
      #expect(
        guest.send(
          "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ))
      _ = try response(guest)
      #expect(text(guest)?.hasPrefix("{\"type\":\"welcome\"") == true)
    }
    #expect(guests[1].send(masked(0x81, "<b>\"hi\"")))
    for guest in guests {
      var heard = text(guest)
      while let line = heard, line.hasPrefix("{\"type\":\"here\"") { heard = text(guest) }
      #expect(heard == #"{"type":"message","from":2,"text":"<b>\"hi\""}"#)
    }
  }

  @Test(arguments: [
    "GET / HTTP/2.0\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.1\nHost: x\n\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
  ])
  func nonsenseEndsTheConnection(_ bytes: String) throws {
    let connection = try client()
    #expect(connection.send(bytes))
    #expect(connection.read(max: 1) == nil)
  }

  @Test func aTakenPortIsSaidAtOnce() throws {
    let server = try DemoServer(port: 0)
    #expect(throws: DemoServer.CannotListen.self) { try DemoServer(port: server.port) }
  }

  private func masked(_ opcode: UInt8, _ text: String) -> [UInt8] {
    let mask: [UInt8] = [1, 2, 3, 4]
    return [opcode, 0x80 | UInt8(text.utf8.count)] + mask + text.utf8.enumerated().map { $1 ^ mask[$0 & 3] }
  }

  private func text(_ connection: Connection) -> String? {
    guard let head = connection.readExactly(2), let payload = connection.readExactly(Int(head[1])) else { return nil }
    return String(decoding: payload, as: UTF8.self)
  }
}
