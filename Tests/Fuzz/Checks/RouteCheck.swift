import Bytes
import HTTP
import Sandbox

@testable import HTTP1
@testable import Router

/// A host leads where it says, and to the same place however it is spelt; whoever reads it after us reads the same.
enum RouteCheck {
  static let domains = ["preview.localhost", "p.test"]
  static let table: RouteTable = {
    let loopback = SandboxAddress.ip(IPAddress(v4: 0x7F00_0001))
    func sandbox(_ id: String, _ mode: Ingress.Mode, _ state: SandboxState = .running) -> RouteChange {
      .putSandbox(
        SandboxRecord(
          id: SandboxID(id)!, generation: Generation.next(), state: state, address: loopback,
          ingress: Ingress(mode: mode),
          exposures: [Exposure(port: 3000), Exposure(port: 8080, host: .localhost, upstream: .h2c)]))
    }
    func gateway(_ host: String) -> RouteChange {
      .putGateway(host: host, .gateway(to: .tcp(SocketAddress(ip: IPAddress(v4: 0x7F00_0001), port: 3000))))
    }
    return RouteTable(
      domains: domains,
      changes: [
        sandbox("a", .open), sandbox("bench", .published), sandbox("b-c", .published), sandbox("s", .open, .paused),
        gateway("app.test"), gateway("*.wild.test"), gateway("x.p.test"),
      ])
  }()

  static func run(_ input: UnsafeBufferPointer<UInt8>) -> String? {
    var steering = Steering(input)
    let authority = Array(steering.bytes(until: 0x0A))
    let target = Array(steering.rest)
    let decision = decide(authority, target)
    if decision == "400 request/bad-host" || decision.hasPrefix("400") { return nil }
    guard let host = host(authority) else { return "\(decision) for a host that cannot be read" }
    if let why = agreesWithOtherReaders(authority, host) { return why }
    for spelling in spellings(authority) where spelling.count <= HostName.authorityLengthMax {
      let other = decide(spelling, target)
      guard other == decision else { return "\(authority.shown): \(decision), but \(spelling.shown): \(other)" }
    }
    return isWhereItSays(decision, host)
  }

  /// The decision as text, with what it points to.
  static func decide(_ authority: [UInt8], _ target: [UInt8]) -> String {
    withExact(authority) { authorityBase in
      withExact(target) { targetBase in
        let decision = table.decide(
          authority: UnsafeBufferPointer(start: authorityBase, count: authority.count),
          target: UnsafeBufferPointer(start: targetBase, count: target.count))
        switch decision {
        case .forward(let upstream, let port): return "forward \(name(upstream)) \(port)"
        case .guarded(let guarded): return "forward \(name(guarded.target)) \(guarded.port)"
        case .porthole(let guarded, let port): return "porthole \(guarded.map { name($0.target) } ?? "-") \(port)"
        case .control: return "control"
        case .refuse(let refusal): return "\(refusal.status) \(refusal.word)"
        }
      }
    }
  }

  private static func name(_ target: Unmanaged<UpstreamTarget>) -> String {
    target._withUnsafeGuaranteedRef { $0.isGateway ? "*\($0.generation)" : $0.sandboxID }
  }

  /// The host by the plain rule: cut the port, fold, cut one dot.
  static func host(_ authority: [UInt8]) -> [UInt8]? {
    var host = lowered(authority)
    if let colon = host.lastIndex(of: 0x3A), host.last != 0x5D { host.removeSubrange(colon...) }
    if host.last == 0x2E { host.removeLast() }
    return host.isEmpty ? nil : host
  }

  private static func agreesWithOtherReaders(_ authority: [UInt8], _ host: [UInt8]) -> String? {
    authority.withUnsafeBufferPointer { bytes in
      let ours = HostName.with(String(decoding: authority, as: UTF8.self)) { $0.map { Array($0.bytes) } }
      guard ours == host else { return "the table reads \(ours?.shown ?? "nothing") of \(authority.shown)" }
      // What routes must also be what the parser of heads calls a host, or the two would have different ideas of it.
      guard host.first != 0x5B else { return nil }
      guard let parsed = Authority(bytes) else { return "the head's parser refuses \(authority.shown)" }
      var name = lowered(parsed.host)
      if name.last == 0x2E { name.removeLast() }
      guard name == host else { return "the head's parser reads \(name.shown)" }
      return HTTPGrammar.isAuthority(bytes) ? nil : "HTTP/2 refuses \(authority.shown)"
    }
  }

  private static func spellings(_ authority: [UInt8]) -> [[UInt8]] {
    var ways = [lowered(authority), authority.map { (0x61...0x7A).contains($0) ? $0 - 0x20 : $0 }]
    let hasPort = authority.last != 0x5D && authority.contains(0x3A)
    if !hasPort {
      ways.append(authority + Array(":443".utf8))
      if authority.last != 0x2E, authority.last != 0x5D, authority.count < 253 { ways.append(authority + [0x2E]) }
    }
    return ways
  }

  /// Forwarding is what must never go astray: the id and the port stand in the host itself.
  private static func isWhereItSays(_ decision: String, _ host: [UInt8]) -> String? {
    let words = decision.split(separator: " ")
    guard words[0] == "forward" || words[0] == "porthole", words[1] != "-" else { return nil }
    let host = String(decoding: host, as: UTF8.self)
    if words[1].hasPrefix("*") {
      let isGateway =
        host == "app.test" || host == "x.p.test"
        || (host.hasSuffix(".wild.test") && host.split(separator: ".").count == 3)
      return isGateway ? nil : "\(host) reached a gateway"
    }
    return domains.contains { host == "\(words[2])-\(words[1]).\($0)" } ? nil : "\(host) reached \(decision)"
  }
}

/// SNI and authority agree exactly when they are the same host.
enum ServerNameCheck {
  static func run(_ input: UnsafeBufferPointer<UInt8>) -> String? {
    var steering = Steering(input)
    let serverName = Array(steering.bytes(until: 0x0A))
    let authority = Array(steering.rest)
    // The rule is about authorities that have passed `decide`.
    if RouteCheck.decide(authority, [0x2F]).hasPrefix("400") { return nil }
    let answer = withExact(serverName) { name in
      withExact(authority) { base in
        RouteTable.agrees(
          serverName: UnsafeBufferPointer(start: name, count: serverName.count),
          authority: UnsafeBufferPointer(start: base, count: authority.count))
      }
    }
    let expected = serverName.isEmpty || plain(serverName) == plain(authority)
    return answer == expected ? nil : "\(serverName.shown) and \(authority.shown): \(answer)"
  }

  private static func plain(_ name: [UInt8]) -> [UInt8] {
    var depth = 0
    var host: [UInt8] = []
    for byte in lowered(name) {
      if byte == 0x5B { depth = 1 }
      if byte == 0x5D { depth = 0 }
      if byte == 0x3A, depth == 0 { break }
      host.append(byte)
    }
    if host.last == 0x2E { host.removeLast() }
    return host
  }
}
