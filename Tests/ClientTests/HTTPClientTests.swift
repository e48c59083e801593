import Foundation
import HTTP1
import Testing

@testable import Client

private func body(_ response: ClientResponse) throws -> String {
  String(decoding: try response.readAll(limit: 1 << 20), as: UTF8.self)
}

private func error(_ body: () throws -> Void) -> ClientError? {
  do {
    try body()
    return nil
  } catch {
    return error as? ClientError
  }
}

@Suite struct RequestTests {
  @Test func aRequestSaysWhatItIs() throws {
    let seen = Box<String>()
    let server = ScriptedServer { peer in
      let head = peer.head() ?? ""
      seen.put(head + String(decoding: peer.body(4), as: UTF8.self))
      peer.send("HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-A: one\r\nx-a: two\r\n\r\nok")
    }
    let request = ClientRequest(
      "POST", "/v1/sandboxes?a=b", fields: [("Authorization", "Bearer k")], body: .bytes(Array("body".utf8)))
    let response = try server.client.send(request)
    #expect(response.status == 201 && response.field("x-A") == "one" && response.field("none") == nil)
    #expect(try body(response) == "ok")
    #expect(
      seen.take() == """
        POST /v1/sandboxes?a=b HTTP/1.1\r
        Host: 127.0.0.1:\(server.port)\r
        Connection: close\r
        User-Agent: porthole\r
        Content-Length: 4\r
        Authorization: Bearer k\r
        \r
        body
        """)
  }

  @Test(arguments: [("GET", false), ("DELETE", false), ("POST", true), ("PUT", true)])
  func noBodyIsSaidWhereOneIsExpected(method: String, isSaid: Bool) throws {
    let head = try ClientRequest(method, "/").head(for: ServerURL("http://a.test"), userAgent: "x")
    #expect(String(decoding: head, as: UTF8.self).contains("Content-Length: 0\r\n") == isSaid)
  }

  @Test func aPathPrefixComesFirst() throws {
    let head = try ClientRequest("GET", "/v1").head(for: ServerURL("https://a.test/porthole/"), userAgent: "x")
    #expect(String(decoding: head, as: UTF8.self).hasPrefix("GET /porthole/v1 HTTP/1.1\r\nHost: a.test\r\n"))
  }

  @Test(arguments: [
    ("/a b", "", "x"), ("/a\r\nX: y", "", "x"), ("a", "", "x"), ("/", "A", "x\r\nB: y"), ("/", "A\nB", "x"),
    ("/", "A", " x"), ("/", "A", "x\0"), ("/#a", "", "x"),
  ])
  func whatCouldEndItsLineIsNotSent(target: String, name: String, value: String) {
    let fields = name.isEmpty ? [] : [(name: name, value: value)]
    let found = error {
      _ = try ClientRequest("GET", target, fields: fields).head(for: ServerURL("http://a.test"), userAgent: "x")
    }
    guard case .badRequest(let text)? = found else {
      Issue.record("\(String(describing: found))")
      return
    }
    #expect(!text.contains("x\r"))
  }

  @Test(arguments: [
    ("a-b_c.d~9", "a-b_c.d~9"), ("/a b", "%2Fa%20b"), ("..", "%2E%2E"), (".", "%2E"), ("a..b", "a..b"), ("é", "%C3%A9"),
    ("?&=#%", "%3F%26%3D%23%25"), ("", ""),
  ])
  func aComponentStaysOne(text: String, encoded: String) {
    #expect(PercentEncoding.component(text) == encoded)
  }
}

@Suite struct ResponseTests {
  @Test(arguments: [
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more", "hello"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", "hello"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n", "hello"),
    ("HTTP/1.1 200 OK\r\n\r\nhello", "hello"), ("HTTP/1.0 200 OK\r\n\r\nhello", "hello"),
    ("HTTP/1.1 204 No Content\r\n\r\n", ""), ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello", "hello"),
  ])
  func aBodyEndsWhereItsFramingSays(answer: String, expected: String) throws {
    let whole = ScriptedServer(answer: answer)
    #expect(try body(whole.client.send(ClientRequest("GET", "/"))) == expected)
    let slow = ScriptedServer { peer in
      _ = peer.head()
      for byte in answer.utf8 { peer.send([byte]) }
    }
    #expect(try body(slow.client.send(ClientRequest("GET", "/"))) == expected)
  }

  @Test func theAnswerToHeadHasNoBody() throws {
    let server = ScriptedServer(answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    #expect(try body(server.client.send(ClientRequest("HEAD", "/"))) == "")
  }

  @Test(arguments: [
    "", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
  ])
  func anAnswerThatIsCutIsNoAnswer(answer: String) {
    let server = ScriptedServer(answer: answer)
    let found = error { _ = try body(server.client.send(ClientRequest("GET", "/"))) }
    #expect(found == .cut("127.0.0.1:\(server.port)"))
  }

  @Test(arguments: [
    "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 33), "HTTP/2 200\r\n\r\n",
  ])
  func whatIsNoAnswerIsRefused(answer: String) {
    let server = ScriptedServer(answer: answer)
    let found = error { _ = try body(server.client.send(ClientRequest("GET", "/"))) }
    guard case .malformed? = found else {
      Issue.record("\(String(describing: found))")
      return
    }
  }

  @Test func aBodyThatIsTooLargeIsNotCollected() throws {
    let server = ScriptedServer(answer: "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello!")
    let client = server.client
    #expect(try client.send(ClientRequest("GET", "/")).readAll(limit: 6).count == 6)
    #expect(error { _ = try client.send(ClientRequest("GET", "/")).readAll(limit: 5) } == .tooLarge(bytes: 5))
  }

  @Test func aBodyComesPieceByPiece() throws {
    let go = Box<Bool>()
    let server = ScriptedServer { peer in
      _ = peer.head()
      peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
      _ = go.take()
      peer.send("3\r\ntwo\r\n0\r\n\r\n")
    }
    let response = try server.client.send(ClientRequest("GET", "/"))
    #expect(try response.next() == Array("one".utf8))
    go.put(true)  // Only now: the first piece did not wait for the second.
    #expect(try response.next() == Array("two".utf8))
    #expect(try response.next() == nil && response.next() == nil)
  }

  @Test func silenceEndsAfterTheTimeout() throws {
    let done = Box<Bool>()
    let server = ScriptedServer { peer in
      _ = peer.head()
      _ = done.take()
    }
    defer { done.put(true) }
    let request = ClientRequest("GET", "/", idleTimeoutMs: 50)
    #expect(error { _ = try server.client.send(request) } == .timedOut("127.0.0.1:\(server.port)", afterMs: 50))
  }

  @Test func aResetIsACut() throws {
    let server = ScriptedServer { peer in
      _ = peer.head()
      peer.reset()
    }
    #expect(error { _ = try server.client.send(ClientRequest("GET", "/")) } == .cut("127.0.0.1:\(server.port)"))
  }
}

@Suite struct UploadTests {
  /// A body of `count` pieces of 64 KiB, and how many were asked for.
  final class Source {
    var given = 0
    let count: Int
    init(count: Int) { self.count = count }

    func next() -> [UInt8]? {
      guard given < count else { return nil }
      given += 1
      return [UInt8](repeating: UInt8(truncatingIfNeeded: given), count: 65_536)
    }
  }

  @Test func aStreamWithoutLengthIsChunked() throws {
    let seen = Box<String>()
    let server = ScriptedServer { peer in
      let head = peer.head() ?? ""
      seen.put(head.contains("Transfer-Encoding: chunked\r\n") ? peer.receive(through: "0\r\n\r\n") ?? "" : head)
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    }
    var pieces = ["one", "", "seventeen bytes.."].map { Array($0.utf8) }
    let request = ClientRequest("PUT", "/", body: .stream(length: nil) { pieces.isEmpty ? nil : pieces.removeFirst() })
    #expect(try server.client.send(request).status == 200)
    #expect(seen.take() == "3\r\none\r\n11\r\nseventeen bytes..\r\n0\r\n\r\n")
  }

  @Test func aStreamWithALengthIsSentAsItIs() throws {
    let seen = Box<Int>()
    let server = ScriptedServer { peer in
      let head = peer.head() ?? ""
      seen.put(head.contains("Content-Length: 6553600\r\n") ? peer.body(6_553_600).count : 0)
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    }
    let source = Source(count: 200)
    let request = ClientRequest("PUT", "/", body: .stream(length: 6_553_600, next: source.next))
    #expect(try server.client.send(request).status == 200)
    #expect(seen.take() == 6_553_600)
    #expect(source.given == 100)  // A file that grew is sent as long as it was said to be.
  }

  @Test func aStreamThatEndsEarlyIsAnError() throws {
    let server = ScriptedServer { _ = $0.rest() }
    let request = ClientRequest("PUT", "/", body: .stream(length: 65_537, next: Source(count: 1).next))
    guard case .source? = error({ _ = try server.client.send(request) }) else {
      Issue.record("sent a body that is shorter than it says")
      return
    }
  }

  @Test(arguments: [true, false]) func anEarlyAnswerEndsTheUpload(resets: Bool) throws {
    let server = ScriptedServer { peer in
      _ = peer.head()
      peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
      // The one stops reading and keeps the connection until the client has gone, the other ends it at once.
      if !resets { _ = peer.rest() }
    }
    let source = Source(count: 100_000)  // More than 6 GB: it would not be over by itself.
    let response = try server.client.send(ClientRequest("PUT", "/", body: .stream(length: nil, next: source.next)))
    #expect(response.status == 413)
    #expect(try body(response) == "big")
    #expect(source.given < 100_000)
  }

  @Test func anInterimAnswerDoesNotEndTheUpload() throws {
    let server = ScriptedServer { peer in
      _ = peer.head()
      peer.send("HTTP/1.1 102 Processing\r\n\r\n")
      let count = peer.body(65_536 * 50).count
      peer.send("HTTP/1.1 200 OK\r\n\r\n\(count)")
      peer.close()
    }
    let request = ClientRequest("PUT", "/", body: .stream(length: 65_536 * 50, next: Source(count: 50).next))
    #expect(try body(server.client.send(request)) == "\(65_536 * 50)")
  }

  /// Neither reads before it has sent more than the kernel holds: only a client that gives in gets through. One piece is
  /// larger than any buffer, so it is in the middle of sending when the answer comes.
  @Test func aServerThatAnswersBeforeItReadsIsHeard() throws {
    let count = 32 << 20
    let server = ScriptedServer { peer in
      _ = peer.head()
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n")
      peer.send([UInt8](repeating: 1, count: count))
      _ = peer.rest()
    }
    var pieces = [[UInt8](repeating: 2, count: count)]
    let request = ClientRequest("PUT", "/", body: .stream(length: nil) { pieces.popLast() })
    #expect(try server.client.send(request).readAll(limit: count).count == count)
  }
}

@Suite struct ConnectTests {
  @Test func nobodyListening() throws {
    let port = ScriptedServer { _ in }.port  // Closed again.
    for host in ["127.0.0.1", "localhost", "api.preview.localhost", "API.localhost."] {
      let client = HTTPClient(server: try ServerURL("http://\(host):\(port)"))
      #expect(error { _ = try client.send(ClientRequest("GET", "/")) } == .refused("127.0.0.1:\(port)"))
    }
  }

  @Test func namesBelowLocalhostAreThisMachine() throws {
    let server = ScriptedServer(answer: "HTTP/1.1 200 OK\r\n\r\nhi")
    let client = HTTPClient(server: try ServerURL("http://api.preview.localhost:\(server.port)"))
    #expect(try body(client.send(ClientRequest("GET", "/"))) == "hi")
  }

  @Test func aNameThatIsNone() throws {
    let client = HTTPClient(server: try ServerURL("http://nothing.invalid"))
    guard case .unknownHost("nothing.invalid", _)? = error({ _ = try client.send(ClientRequest("GET", "/")) }) else {
      Issue.record("found it")
      return
    }
  }
}

@Suite struct TLSTests {
  private func server(_ certificates: TestCertificates, _ script: @escaping @Sendable (TLSPeer) -> Void)
    -> ScriptedServer
  {
    ScriptedServer { peer in
      guard let tls = TLSPeer(peer, certificates.context()) else { return }
      script(tls)
    }
  }

  private func client(_ server: ScriptedServer, host: String = "localhost", _ certificates: TestCertificates?) throws
    -> HTTPClient
  {
    HTTPClient(server: try ServerURL("https://\(host):\(server.port)"), caFile: certificates?.authority)
  }

  @Test(arguments: [("localhost", "localhost"), ("api.preview.localhost", "api.preview.localhost"), ("127.0.0.1", "")])
  func aServerThatIsTrusted(host: String, name: String) throws {
    let certificates = TestCertificates()
    let server = server(certificates) { peer in
      _ = peer.receive(through: "\r\n\r\n")
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(peer.serverName.utf8.count)\r\n\r\n\(peer.serverName)")
    }
    #expect(try body(client(server, host: host, certificates).send(ClientRequest("GET", "/"))) == name)
  }

  @Test func largeBodiesBothWays() throws {
    let certificates = TestCertificates()
    let count = 3 << 20
    let server = server(certificates) { peer in
      _ = peer.receive(through: "\r\n\r\n")
      guard peer.body(count) == count else { return }
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n")
      peer.send([UInt8](repeating: 7, count: count))
    }
    let source = UploadTests.Source(count: 48)
    let request = ClientRequest("PUT", "/", body: .stream(length: UInt64(count), next: source.next))
    #expect(try client(server, certificates).send(request).readAll(limit: count) == [UInt8](repeating: 7, count: count))
    #expect(source.given == 48)
  }

  @Test func aServerThatIsNotTrustedGetsNoRequest() throws {
    let certificates = TestCertificates()
    let other = TestCertificates()
    defer { withExtendedLifetime(other) {} }
    let seen = Box<Bool>()
    let server = ScriptedServer { peer in
      seen.put(TLSPeer(peer, certificates.context())?.receive(through: "\r\n") != nil)
    }
    let found = try #require(error { _ = try client(server, other).send(ClientRequest("GET", "/")) })
    guard case .untrusted("localhost", _) = found else {
      Issue.record("\(found)")
      return
    }
    #expect(seen.take() == false)
  }

  @Test func aNameThatTheCertificateDoesNotHave() throws {
    let certificates = TestCertificates()
    let server = server(certificates) { _ = $0.receive(through: "\r\n\r\n") }
    let found = error { _ = try client(server, host: "other.localhost", certificates).send(ClientRequest("GET", "/")) }
    guard case .untrusted("other.localhost", _)? = found else {
      Issue.record("\(String(describing: found))")
      return
    }
  }

  @Test func aServerWithoutTLS() throws {
    let server = ScriptedServer { peer in
      peer.send("HTTP/1.1 400 Bad Request\r\n\r\n")
      _ = peer.rest()
    }
    let certificates = TestCertificates()
    defer { withExtendedLifetime(certificates) {} }
    let found = error { _ = try client(server, certificates).send(ClientRequest("GET", "/")) }
    #expect(found == .notTLS("localhost"))
  }

  @Test(arguments: [true, false]) func anEndThatNobodyAnnouncedIsACut(announces: Bool) throws {
    let certificates = TestCertificates()
    let server = server(certificates) { peer in
      _ = peer.receive(through: "\r\n\r\n")
      peer.send("HTTP/1.1 200 OK\r\n\r\nhello")
      if announces { peer.finish() }
    }
    let response = try client(server, certificates).send(ClientRequest("GET", "/"))
    if announces {
      #expect(try body(response) == "hello")
    } else {
      #expect(error { _ = try body(response) } == .cut("127.0.0.1:\(server.port)"))
    }
  }

  @Test func anAuthorityThatIsNotThereIsSaid() throws {
    let client = HTTPClient(server: try ServerURL("https://localhost:1"), caFile: "/nowhere/ca.pem")
    guard case .trust(let text)? = error({ _ = try client.send(ClientRequest("GET", "/")) }) else {
      Issue.record("took it")
      return
    }
    #expect(text.contains("/nowhere/ca.pem"))
  }
}
