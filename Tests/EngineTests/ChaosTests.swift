import Bytes
import Dispatch
import Foundation
import HTTP2
import Sandbox
import TLS
import Testing

@testable import ProxyEngine

/// Two hundred conversations at once that end anywhere. Afterwards there is nothing left of any.
@Suite struct ChaosTests {
  /// A seed that failed once belongs here. `CHAOS_SEEDS="7 8 9"` tries others.
  static let seeds: [UInt64] =
    ProcessInfo.processInfo.environment["CHAOS_SEEDS"]?.split(separator: " ").compactMap { UInt64($0) } ?? [1, 2, 3]

  @Test(arguments: seeds)
  func whateverHappensNothingStaysBehind(seed: UInt64) throws {
    let services = ChaosServices(seed)
    let edge = try Edge(exposures: services.exposures) { $0.dialMs = 500 }
    defer { edge.stop() }
    let next = Counter()
    DispatchQueue.concurrentPerform(iterations: 12) { _ in
      while let number = next.take(below: 200) {
        var random = SplitMix(seed << 32 | UInt64(number))
        let host = services.hosts[random.below(services.hosts.count)]
        if random.below(2) == 0 {
          ChaosClient.http1(edge, host, &random)
        } else {
          ChaosClient.http2(edge, host, &random)
        }
      }
    }
    // Still at work: the sum of it is more than the parts that were tested alone.
    let client = try TLSSocket(edge, host: "nobody.p.test")
    client.get()
    #expect(client.receive(through: "\r\n")?.contains("404") == true)
    client.close()
    services.stop()
    #expect(edge.leftovers() == [], "seed \(seed)")
  }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}

final class Counter: @unchecked Sendable {
  // Sendable: behind the lock.
  private let lock = NSLock()
  private var count = 0

  func take(below bound: Int) -> Int? {
    lock.withLock {
      guard count < bound else { return nil }
      defer { count += 1 }
      return count
    }
  }
}

/// A service of each kind, and a port where nobody is.
private final class ChaosServices: Sendable {
  private let origins: [(origin: Origin, upstream: UpstreamProtocol)]

  init(_ seed: UInt64) {
    let numbers = Counter()
    @Sendable func random() -> SplitMix { SplitMix(seed << 40 | UInt64(numbers.take(below: .max)!)) }
    origins = [
      (Origin { ChaosServices.http1($0, $0, random()) }, .http1),
      (
        Origin { socket in
          let random = random()
          if let tls = try? TLSSocket(serving: socket) { ChaosServices.http1(tls, socket, random) }
        }, .https
      ),
      (Origin { ChaosServices.h2c($0, random()) }, .h2c),
    ]
  }

  var exposures: [Exposure] { origins.map { Exposure(port: $0.origin.port, upstream: $0.upstream) } }
  var hosts: [String] { origins.map(\.origin.host) + ["1-a.p.test"] }
  func stop() { for entry in origins { entry.origin.stop() } }

  private static let answers = [
    GivenBackTests.ok, "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\u{1}\u{2}hi",
    "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + String(repeating: "x", count: 200_000),
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
  ]

  /// Answers, cut anywhere, and ends in any way.
  private static func http1(_ stream: any ByteStream, _ socket: PlainSocket, _ seeded: SplitMix) {
    var random = seeded
    while random.below(8) > 0, stream.receive() != nil {
      let answer = Array(answers[random.below(answers.count)].utf8)
      let cut = random.below(3) == 0 ? random.below(answer.count) : answer.count
      let middle = random.below(cut + 1)
      guard stream.send(Array(answer[..<middle])), stream.send(Array(answer[middle..<cut])) else { return }
      if cut < answer.count { break }
    }
    if random.below(2) == 0 { socket.reset() }
  }

  private static func h2c(_ socket: PlainSocket, _ seeded: SplitMix) {
    var random = seeded
    let peer = HTTP2Peer(.server, socket)
    var answered: Set<Int32> = []
    peer.pump { peer in
      for (id, seen) in peer.seen where answered.insert(id).inserted {
        switch random.below(6) {
        case 0: peer.session.reset(seen.stream, .cancel)
        case 1: peer.respond(seen.stream, 200, hasBody: false)
        case 2: peer.respond(seen.stream, 200)
        case 3:
          peer.respond(seen.stream, 200)
          peer.append(seen.stream, [UInt8](repeating: 0x78, count: 200_000))
          peer.end(seen.stream)
        case 4: peer.session.goAway(.noError)
        default:
          peer.respond(seen.stream, 200)
          peer.append(seen.stream, "hello")
          peer.end(seen.stream, trailers: [("x-sum", "1")])
        }
      }
      peer.flush()
      return random.below(12) == 0
    }
    if random.below(2) == 0 { socket.reset() }
  }
}

private enum ChaosClient {
  static func http1(_ edge: Edge, _ host: String, _ random: inout SplitMix) {
    guard let client = try? TLSSocket(edge, host: host, handshakes: random.below(20) > 0) else { return }
    client.socket.setPatience(ms: 100)
    for _ in 0...random.below(3) {
      let request = Array(requests(host)[random.below(5)].utf8)
      let cut = random.below(4) == 0 ? random.below(request.count) : request.count
      guard client.send(Array(request[..<cut])) else { break }
      if cut < request.count { break }
      if random.below(3) > 0 { _ = client.receive() }
    }
    random.below(2) == 0 ? client.reset() : client.close()
  }

  private static func requests(_ host: String) -> [String] {
    [
      "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: \(host)\r\nContent-Length: 100000\r\n\r\n" + String(repeating: "b", count: 100_000),
      "POST / HTTP/1.1\r\nHost: \(host)\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: \(host)\r\n\(GivenBackTests.webSocket)\r\n\u{1}\u{2}hi",
      "GET / HTTP/1.1\r\nHost: \(host)\r\nBad Header: 1\r\n\r\n",
    ]
  }

  static func http2(_ edge: Edge, _ host: String, _ random: inout SplitMix) {
    guard let client = try? TLSSocket(edge, host: host, alpn: .http2) else { return }
    client.socket.setPatience(ms: 100)
    let peer = HTTP2Peer(.client, client)
    var streams: [HTTP2Stream] = []
    for _ in 0...random.below(6) {
      let hasBody = random.below(2) == 0
      let stream =
        random.below(5) == 0
        ? peer.request(
          host, method: "CONNECT", [(":protocol", "websocket"), ("sec-websocket-version", "13")], hasBody: true)
        : peer.request(host, method: hasBody ? "POST" : "GET", hasBody: hasBody)
      if hasBody { peer.append(stream, [UInt8](repeating: 0x62, count: random.below(150_000))) }
      if random.below(2) == 0 { peer.end(stream, trailers: random.below(3) == 0 ? [("x-sum", "1")] : []) }
      streams.append(stream)
    }
    peer.flush()
    if random.below(3) == 0 { peer.session.reset(streams[random.below(streams.count)], .cancel) }
    var rounds = random.below(6)
    peer.pump { _ in
      rounds -= 1
      return rounds < 0
    }
    random.below(2) == 0 ? client.reset() : client.close()
  }
}
