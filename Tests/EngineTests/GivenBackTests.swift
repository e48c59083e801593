import Bytes
import Foundation
import HTTP2
import Sandbox
import Telemetry
import Testing

@testable import ProxyEngine

/// However a conversation ends, nothing of it stays: no exchange, no connection, no stream, no slab.
@Suite struct GivenBackTests {
  /// What the origin does with each connection, and what the client does; both know how the other behaves.
  struct Conversation: Sendable, CustomTestStringConvertible {
    let name: String
    var upstream = UpstreamProtocol.http1
    let origin: @Sendable (PlainSocket) -> Void
    let client: @Sendable (Edge, String) throws -> Void
    var testDescription: String { name }
  }

  static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

  /// Reads a head and never answers; ends when the other side does.
  static let silent: @Sendable (PlainSocket) -> Void = { while $0.receive() != nil {} }

  static func after(mark: String = "\r\n\r\n", _ then: @escaping @Sendable (PlainSocket) -> Void)
    -> @Sendable (PlainSocket) -> Void
  {
    { if $0.receive(through: mark) != nil { then($0) } }
  }

  static let upgrading = after {
    $0.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\u{1}\u{2}hi")
    while let bytes = $0.receive(), $0.send(bytes) {}
  }

  static let webSocket =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"

  static let ends: [(name: String, end: @Sendable (PlainSocket) -> Void)] = [
    ("closes", { $0.close() }), ("resets", { $0.reset() }),
  ]

  // MARK: HTTP/1.1

  static let normal: [Conversation] = [
    Conversation(name: "requests one after the other", origin: answering(ok)) { edge, host in
      let client = try TLSSocket(edge, host: host)
      for _ in 0..<3 {
        client.get()
        try #require(client.receive(through: "hello") != nil)
      }
    },
    Conversation(name: "pipelined requests", origin: answering(ok)) { edge, host in
      let client = try TLSSocket(edge, host: host)
      for _ in 0..<5 { client.get() }
      for _ in 0..<5 { try #require(client.receive(through: "hello") != nil) }
    },
    Conversation(
      name: "a large body up and down",
      origin: after { socket in
        var left = 3_000_000
        while left > 0, let bytes = socket.receive() { left -= bytes.count }
        socket.send("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n")
        socket.send([UInt8](repeating: 0x61, count: 3_000_000))
      }
    ) { edge, host in
      let client = try TLSSocket(edge, host: host)
      // The head's bytes are read as part of the body by an origin that only counts: a few more do no harm.
      client.post("Content-Length: 3100000\r\nConnection: close")
      for _ in 0..<31 { client.send([UInt8](repeating: 0x62, count: 100_000)) }
      #expect(client.receiveAll().hasSuffix("aaaa"))
    },
    Conversation(name: "a tunnel that both sides end", origin: upgrading) { edge, host in
      let client = try TLSSocket(edge, host: host)
      client.get("/ws", webSocket)
      try #require(client.receive(through: "hi") != nil)
      client.send("ping!")
      try #require(client.receive(through: "ping!") != nil)
      client.socket.finishWriting()
      while client.receive() != nil {}
    },
    Conversation(name: "refused: no such host", origin: answering(ok)) { edge, host in
      let client = try TLSSocket(edge, host: "nobody.p.test")
      client.get()
      try #require(client.receive(through: "404") != nil)
    },
    Conversation(name: "refused: malformed", origin: answering(ok)) { edge, host in
      let client = try TLSSocket(edge, host: host)
      client.send("GET / HTTP/1.1\r\nHost : x\r\n\r\n")
      #expect(client.receiveAll().hasPrefix("HTTP/1.1 400"))
    },
  ]

  /// The client leaves, at every stage and in both ways.
  static var clientLeaves: [Conversation] {
    ends.flatMap { name, end -> [Conversation] in
      [
        Conversation(name: "client \(name) before the handshake", origin: silent) { edge, host in
          end(try TLSSocket(edge, host: host, handshakes: false).socket)
        },
        Conversation(name: "client \(name) in the handshake", origin: silent) { edge, host in
          let client = try TLSSocket(edge, host: host, handshakes: false)
          client.socket.send([22, 3, 1, 0, 200, 1])
          end(client.socket)
        },
        Conversation(name: "client \(name) before a head", origin: silent) { edge, host in
          end(try TLSSocket(edge, host: host).socket)
        },
        Conversation(name: "client \(name) in its head", origin: silent) { edge, host in
          let client = try TLSSocket(edge, host: host)
          client.send("GET / HTTP/1.1\r\nHost: \(host)")
          end(client.socket)
        },
        Conversation(name: "client \(name) awaiting the response", origin: silent) { edge, host in
          let client = try TLSSocket(edge, host: host)
          client.get()
          try #require(eventually { edge.value(.upstreamBytesSent) > 0 })
          end(client.socket)
        },
        Conversation(name: "client \(name) in its body", origin: silent) { edge, host in
          let client = try TLSSocket(edge, host: host)
          client.post("Content-Length: 100000")
          client.send([UInt8](repeating: 0x62, count: 50_000))
          try #require(eventually { edge.value(.upstreamBytesSent) > 50_000 })
          end(client.socket)
        },
        Conversation(
          name: "client \(name) in a body that nobody reads",
          origin: {
            _ = $0.receive(through: "never") == nil; usleep(1000)
          }
        ) { edge, host in
          let client = try TLSSocket(edge, host: host)
          client.post("Transfer-Encoding: chunked")
          client.send("10000\r\n")
          client.send([UInt8](repeating: 0x62, count: 65_536))
          client.send("\r\n5\r\nhe")
          end(client.socket)
        },
        Conversation(
          name: "client \(name) in the response",
          origin: after {
            $0.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"); silent($0)
          }
        ) { edge, host in
          let client = try TLSSocket(edge, host: host)
          client.get()
          try #require(client.receive(through: "hello") != nil)
          end(client.socket)
        },
        Conversation(
          name: "client \(name) without reading a large response",
          origin: after {
            $0.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000000\r\n")
            $0.send([UInt8](repeating: 0x61, count: 16_777_216))
          }
        ) { edge, host in
          let client = try TLSSocket(edge, host: host)
          client.get()
          try #require(eventually { edge.value(.upstreamBytesReceived) > 500_000 })
          end(client.socket)
        },
        Conversation(name: "client \(name) in a tunnel", origin: upgrading) { edge, host in
          let client = try TLSSocket(edge, host: host)
          client.get("/ws", webSocket)
          try #require(client.receive(through: "hi") != nil)
          end(client.socket)
        },
      ]
    }
  }

  /// The sandbox leaves, at every stage and in both ways. The client must hear of it.
  static var originLeaves: [Conversation] {
    ends.flatMap { name, end -> [Conversation] in
      func answered(_ what: String, _ origin: @escaping @Sendable (PlainSocket) -> Void, _ expected: String)
        -> Conversation
      {
        Conversation(name: "sandbox \(name) \(what)", origin: origin) { edge, host in
          let client = try TLSSocket(edge, host: host)
          client.get("/", "Connection: close\r\n")
          let answer = client.receiveAll()
          #expect(answer.contains(expected), "\(answer.prefix(200))")
        }
      }
      return [
        answered("at once", end, "HTTP/1.1 502"),
        answered("after the request", after(end), "HTTP/1.1 502"),
        answered(
          "in its head",
          after {
            $0.send("HTTP/1.1 200 OK\r\nContent-"); end($0)
          }, "HTTP/1.1 502"),
        answered(
          "after an interim head",
          after {
            $0.send("HTTP/1.1 103 Early Hints\r\n\r\n"); end($0)
          }, "HTTP/1.1 502"),
        answered(
          "in its body",
          after {
            $0.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"); end($0)
          }, "HTTP/1.1 "),
        answered(
          "in a chunk",
          after {
            $0.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello"); end($0)
          }, "HTTP/1.1 "),
        answered(
          "in its trailers",
          after {
            $0.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: "); end($0)
          }, "HTTP/1.1 "),
        Conversation(name: "sandbox \(name) while a body comes", origin: after(end)) { edge, host in
          let client = try TLSSocket(edge, host: host)
          client.post("Content-Length: 1000000")
          for _ in 0..<10 where client.send([UInt8](repeating: 0x62, count: 100_000)) {}
          _ = client.receiveAll()
        },
        Conversation(
          name: "sandbox \(name) after an early answer",
          origin: after {
            $0.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"); end($0)
          }
        ) { edge, host in
          let client = try TLSSocket(edge, host: host)
          client.post("Content-Length: 1000000")
          for _ in 0..<10 where client.send([UInt8](repeating: 0x62, count: 100_000)) {}
          _ = client.receiveAll()
        },
        Conversation(
          name: "sandbox \(name) a tunnel",
          origin: after {
            $0.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi")
            end($0)
          }
        ) { edge, host in
          let client = try TLSSocket(edge, host: host)
          client.get("/ws", webSocket)
          _ = client.receiveAll()
        },
        Conversation(
          name: "sandbox \(name) between two requests",
          origin: after {
            $0.send(ok); end($0)
          }
        ) { edge, host in
          let client = try TLSSocket(edge, host: host)
          for _ in 0..<3 {
            client.get()
            try #require(client.receive(through: "hello") != nil)
          }
        },
        Conversation(name: "https sandbox \(name) in the handshake", upstream: .https, origin: end) { edge, host in
          let client = try TLSSocket(edge, host: host)
          client.get("/", "Connection: close\r\n")
          #expect(client.receiveAll().hasPrefix("HTTP/1.1 502"))
        },
        Conversation(name: "h2c sandbox \(name) at once", upstream: .h2c, origin: end) { edge, host in
          let client = try TLSSocket(edge, host: host)
          client.get("/", "Connection: close\r\n")
          #expect(client.receiveAll().hasPrefix("HTTP/1.1 502"))
        },
      ]
    }
  }

  @Test(arguments: normal + clientLeaves + originLeaves)
  func nothingStaysBehind(conversation: Conversation) throws {
    let origin = Origin(conversation.origin)
    let edge = try Edge(exposures: [Exposure(port: origin.port, upstream: conversation.upstream)])
    defer { edge.stop() }
    do { try conversation.client(edge, origin.host) } catch { Issue.record("\(error)") }
    origin.stop()
    #expect(edge.leftovers() == [])
  }
}
