import Auth
import Bytes
import Foundation
import Router
import Sandbox
import Telemetry
import Testing

@testable import ProxyEngine

/// Who gets in to a protected port, and what of it the sandbox sees.
@Suite struct AdmissionTests {
  /// The head of the answer, and what the origin saw last.
  private struct Asked {
    var status: String
    var head: String
    var seen: String
  }

  private final class Seen: @unchecked Sendable {
    // All that changes is behind the lock.
    private let lock = NSLock()
    private var heads: [String] = []
    func add(_ head: String) { lock.withLock { heads.append(head) } }
    var last: String { lock.withLock { heads.last ?? "" } }
    var count: Int { lock.withLock { heads.count } }
  }

  private func with(
    _ change: (inout Exposure) -> Void = { _ in },
    _ body: (GuardedEdge, Origin, (String, String) throws -> Asked) throws -> Void
  ) throws {
    let seen = Seen()
    let origin = Origin { socket in
      while let head = socket.receive(through: "\r\n\r\n") {
        seen.add(head)
        if !socket.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") { break }
      }
    }
    var exposure = Exposure(port: origin.port, auth: .token, nonce: 99)
    change(&exposure)
    let guarded = try GuardedEdge([exposure])
    defer { guarded.stop() }
    func ask(_ line: String, _ fields: String) throws -> Asked {
      let client = try TLSSocket(guarded.edge, host: origin.host)
      let before = seen.count
      client.send("\(line) HTTP/1.1\r\nHost: \(origin.host)\r\n\(fields)\r\n")
      let head = client.receive(through: "\r\n\r\n") ?? ""
      client.close()
      return Asked(
        status: head.split(separator: " ").dropFirst().first.map(String.init) ?? "none", head: head,
        seen: seen.count > before ? seen.last : "")
    }
    do { try body(guarded, origin, ask) } catch { Issue.record("\(error)") }
    origin.stop()
    #expect(guarded.edge.leftovers() == [])
  }

  @Test func aTokenOpensThePortInEitherHeaderAndStaysOutside() throws {
    try with { (guarded, _, ask) throws in
      for field in [
        "X-Porthole-Token: \(guarded.token)", "Authorization: Bearer \(guarded.token)",
        "authorization: bEaReR   \(guarded.token) ",
        "x-porthole-token: wrong\r\nAuthorization: Bearer \(guarded.token)",
        "X-Porthole-Token: \(guarded.token)\r\nCookie: __Host-porthole=stale",
      ] {
        let asked = try ask("GET /", field + "\r\n")
        #expect(asked.status == "200", "\(field)")
        #expect(!asked.seen.contains("pht_") && !asked.seen.contains("__Host-porthole"), "\(asked.seen)")
      }
    }
  }

  @Test func anAppsOwnAuthorizationPassesBesideAnotherCarrier() throws {
    try with { (guarded, _, ask) throws in
      let asked = try ask("GET /", "X-Porthole-Token: \(guarded.token)\r\nAuthorization: Bearer theirs\r\n")
      #expect(asked.seen.contains("Authorization: Bearer theirs\r\n"))
    }
  }

  @Test func whatIsNotTheTokenOpensNothing() throws {
    try with { (guarded, _, ask) throws in
      let other = guarded.keys.token(sandbox: "b", epoch: 7)
      for field in [
        "", "X-Porthole-Token:\r\n", "X-Porthole-Token: \(guarded.token.dropLast())\r\n",
        "X-Porthole-Token: \(guarded.token)x\r\n", "Authorization: Bearer\r\n",
        "Authorization: Basic \(guarded.token)\r\n",
        "Authorization: \(guarded.token)\r\n", "X-Porthole-Token: \(other)\r\n",
        "X-Porthole-Token: \(guarded.keys.token(sandbox: "a", epoch: 8))\r\n",
        "X-Porthole-Token: \(String(repeating: "x", count: 10_000))\r\n", "Cookie: porthole=\(guarded.token)\r\n",
      ] {
        let asked = try ask("GET /", field)
        #expect(asked.status == "401", "\(field.prefix(60))")
        #expect(asked.head.contains("Porthole-Error: auth/unauthenticated") && asked.head.contains("Www-Authenticate:"))
        #expect(asked.head.contains("Porthole-Forwarded: no"))
        #expect(asked.seen == "")
      }
    }
  }

  @Test func aCookieOpensWhatItWasMadeForAndNothingElse() throws {
    try with { (guarded, origin, ask) throws in
      let port = origin.port
      let good = guarded.cookie(port: port, nonce: 99)
      func status(_ cookie: String) throws -> String { try ask("GET /", "Cookie: \(cookie)\r\n").status }
      #expect(try status("__Host-porthole=\(good)") == "200")
      #expect(try status("a=1; __Host-porthole=stale; __Host-porthole=\(good); b=2") == "200")
      #expect(try status("__Host-porthole=\(good)\r\nCookie: __Host-porthole=x") == "200")
      let wrong = [
        guarded.cookie(port: port &+ 1, nonce: 99), guarded.cookie(port: port, nonce: 98),
        guarded.cookie(port: port, nonce: 99, epoch: 6), guarded.cookie(port: port, nonce: 99, sandbox: "b"),
        guarded.cookie(port: port, nonce: 99, expiresAt: 1), guarded.cookie(port: port, nonce: 99, kind: .grant),
        guarded.cookie(port: port, nonce: 99, link: 5), String(good.dropLast()), good + "A", "", guarded.token,
        String(good.dropLast()) + (good.last == "A" ? "B" : "A"),
        CredentialKeys.random(nowMs: 0).seal(
          Pass(kind: .cookie, port: port, expiresAt: 1 << 39, epoch: 7, nonce: 99), sandbox: "a"),
      ]
      for value in wrong { #expect(try status("__Host-porthole=\(value)") == "401") }
      // Names are case-sensitive, and only the prefix with its case is guarded by browsers.
      #expect(try status("__host-porthole=\(good)") == "401")
    }
  }

  @Test func onlyAFewCandidatesAreLookedAt() throws {
    try with { (guarded, origin, ask) throws in
      let good = guarded.cookie(port: origin.port, nonce: 99)
      let stale = "__Host-porthole=stale; "
      #expect(
        try ask("GET /", "Cookie: \(String(repeating: stale, count: 7))__Host-porthole=\(good)\r\n").status == "200")
      #expect(
        try ask("GET /", "Cookie: \(String(repeating: stale, count: 8))__Host-porthole=\(good)\r\n").status == "401")
    }
  }

  @Test func whatChangesSomethingByCookieMustComeFromAPageThatMay() throws {
    try with({ $0.embedOrigins = ["https://app.example.com"] }) { (guarded, origin, ask) throws in
      let cookie = "Cookie: __Host-porthole=\(guarded.cookie(port: origin.port, nonce: 99))\r\n"
      let own = "https://\(origin.host)"
      func status(_ line: String, _ fields: String) throws -> String { try ask(line, cookie + fields).status }
      #expect(try status("GET /", "Origin: https://evil.test\r\n") == "200")
      for line in ["POST /", "PUT /", "DELETE /", "PATCH /", "CUSTOM /"] {
        #expect(try status(line, "Origin: \(own)\r\n") == "200")
        #expect(try status(line, "Origin: https://app.example.com\r\n") == "200")
        #expect(try status(line, "Sec-Fetch-Site: same-origin\r\n") == "200")
        for origin in [
          "https://evil.test", "null", "http://\(origin.host)", own + ".evil.test", own + "/", "https://b.example.com",
        ] {
          let asked = try ask(line, cookie + "Origin: \(origin)\r\n")
          #expect(asked.status == "403" && asked.head.contains("Porthole-Error: auth/forbidden"), "\(line) \(origin)")
        }
        #expect(try status(line, "") == "403")
        #expect(try status(line, "Sec-Fetch-Site: same-site\r\n") == "403")
        #expect(try status(line, "Origin: https://evil.test\r\nSec-Fetch-Site: same-origin\r\n") == "403")
      }
      // A token is no cookie: nobody's page can send it by accident.
      #expect(try status("POST /", "Origin: https://evil.test\r\nX-Porthole-Token: \(guarded.token)\r\n") == "200")
      let upgrade =
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
      #expect(try status("GET /", upgrade + "Origin: https://evil.test\r\n") == "403")
      #expect(try status("GET /", upgrade) == "403")
    }
  }

  @Test func aPreflightIsAnsweredForEmbedOriginsAndNobodyElse() throws {
    try with({ $0.embedOrigins = ["https://app.example.com"] }) { (guarded, _, ask) throws in
      let asks = "Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: x-a, content-type\r\n"
      let good = try ask("OPTIONS /x", "Origin: https://app.example.com\r\n" + asks)
      #expect(good.status == "204" && good.seen == "")
      #expect(good.head.contains("Access-Control-Allow-Origin: https://app.example.com\r\n"))
      #expect(good.head.contains("Access-Control-Allow-Credentials: true\r\n"))
      #expect(good.head.contains("Access-Control-Allow-Methods: PUT\r\n"))
      #expect(good.head.contains("Access-Control-Allow-Headers: x-a, content-type\r\n"))
      for fields in [
        "Origin: https://evil.test\r\n" + asks, "Origin: https://app.example.com\r\n", "Origin: null\r\n" + asks, asks,
        "Origin: https://app.example.com.evil.test\r\n" + asks, "Origin: HTTPS://APP.example.com\r\n" + asks,
      ] {
        let refused = try ask("OPTIONS /x", fields)
        #expect(refused.status == "401" && !refused.head.contains("Access-Control"), "\(fields)")
      }
      // A page that may embed the port may read its answers, too; others may not.
      let answer = try ask("GET /x", "Origin: https://app.example.com\r\nX-Porthole-Token: \(guarded.token)\r\n")
      #expect(answer.head.contains("Access-Control-Allow-Origin: https://app.example.com\r\n"))
      #expect(answer.head.contains("Vary: Origin\r\n"))
      let foreign = try ask("GET /x", "Origin: https://evil.test\r\nX-Porthole-Token: \(guarded.token)\r\n")
      #expect(foreign.status == "200" && !foreign.head.contains("Access-Control"))
      // Whoever has a credential asks the app.
      let own = try ask(
        "OPTIONS /x", "Origin: https://app.example.com\r\nX-Porthole-Token: \(guarded.token)\r\n" + asks)
      #expect(own.status == "200" && own.seen.hasPrefix("OPTIONS /x"))
    }
  }

  @Test func anAddressThatIsNotAllowedIsRefusedWhateverItBrings() throws {
    try with({ $0.allowIPs = [CIDR("10.0.0.0/8")!] }) { (guarded, _, ask) throws in
      #expect(try ask("GET /", "X-Porthole-Token: \(guarded.token)\r\n").status == "403")
      #expect(try ask("GET /.porthole/auth?grant=x&next=/", "").status == "403")
    }
  }

  @Test func anExposurePastItsEndIsGone() throws {
    try with({ $0.expiresAtMs = 1 }) { (guarded, _, ask) throws in
      #expect(try ask("GET /", "X-Porthole-Token: \(guarded.token)\r\n").status == "404")
      #expect(try ask("GET /.porthole/auth?grant=x", "").status == "404")
    }
  }

  @Test func aCredentialOfOursNeverReachesAPublicPortEither() throws {
    try with({ $0.auth = .none }) { (guarded, _, ask) throws in
      let asked = try ask(
        "GET /", "Authorization: Bearer \(guarded.token)\r\nX-Porthole-Token: z\r\nCookie: a=1; __Host-porthole=q\r\n")
      #expect(asked.status == "200" && asked.seen.contains("Cookie: a=1\r\n"))
      for secret in ["pht_", "X-Porthole-Token", "__Host-porthole", "Authorization"] {
        #expect(!asked.seen.contains(secret))
      }
      let old = try ask("GET /", "Authorization: Bearer phk_old\r\n")
      #expect(old.status == "200" && !old.seen.contains("phk_"))
      let foreign = try ask("GET /", "Authorization: Bearer app\r\n")
      #expect(foreign.seen.contains("Authorization: Bearer app\r\n"))
    }
  }

  // MARK: Bootstrap

  @Test func aGrantIsExchangedForACookieAndACleanAddress() throws {
    try with { (guarded, origin, ask) throws in
      let grant = guarded.cookie(port: origin.port, nonce: 99, kind: .grant)
      let asked = try ask(
        "GET /.porthole/auth?grant=\(grant)&next=%2Fapp%3Fa%3Db%26c", "Cookie: __Host-porthole=stale\r\n")
      #expect(asked.status == "303" && asked.seen == "")
      #expect(asked.head.contains("Location: /app?a=b&c\r\n"))
      #expect(
        asked.head.contains("Cache-Control: no-store\r\n") && asked.head.contains("Referrer-Policy: no-referrer\r\n"))
      let cookie = try #require(asked.head.split(separator: "\r\n").first { $0.hasPrefix("Set-Cookie: ") })
      for attribute in ["Secure", "HttpOnly", "Path=/", "SameSite=None", "Partitioned"] {
        #expect(cookie.contains("; \(attribute)"), "\(attribute)")
      }
      #expect(!cookie.contains("Domain") && !asked.head.contains("Porthole-Error"))
      let pair = cookie.dropFirst("Set-Cookie: ".count).prefix { $0 != ";" }
      #expect(try ask("GET /", "Cookie: \(pair)\r\n").status == "200")
    }
  }

  @Test(arguments: [
    "//evil.test", "/\\evil.test", "\\evil.test", "https://evil.test", "javascript:alert(1)", "/%2f/evil.test",
    "/%5cevil.test", "/%252fevil.test", "/..//evil.test", "/./%2fevil.test", "/\u{9}/evil.test", "/a\r\nX: y", "",
    "evil",
    "/.porthole/auth?grant=x", "/%2eporthole/auth", "/x/\\y",
  ])
  func aRedirectNeverLeavesTheHost(next: String) throws {
    let encoded = next.utf8.map { "%" + String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    try with { (guarded, origin, ask) throws in
      let grant = guarded.cookie(port: origin.port, nonce: 99, kind: .grant)
      let asked = try ask("GET /.porthole/auth?next=\(encoded)&grant=\(grant)", "")
      #expect(asked.status == "303" && asked.head.contains("Location: /\r\n"), "\(asked.head)")
    }
  }

  @Test func aGrantThatIsNotGoodIsRefused() throws {
    try with { (guarded, origin, ask) throws in
      let port = origin.port
      let good = guarded.cookie(port: port, nonce: 99, kind: .grant)
      for grant in [
        "", "x", String(good.dropLast()), good + "x", guarded.cookie(port: port, nonce: 98, kind: .grant),
        guarded.cookie(port: port, nonce: 99, kind: .cookie), guarded.cookie(port: port, nonce: 99, kind: .onceGrant),
        guarded.cookie(port: port, nonce: 99, epoch: 8, kind: .grant),
        guarded.cookie(port: port, nonce: 99, kind: .grant, expiresAt: 5),
        guarded.cookie(port: port, nonce: 99, link: 3, kind: .grant), "\(good)&grant=\(good)",
        guarded.cookie(port: port, nonce: 99, kind: .grant, sandbox: "b"),
      ] {
        let asked = try ask("GET /.porthole/auth?grant=\(grant)&next=/", "")
        #expect(asked.status == "401" && !asked.head.contains("Set-Cookie"), "\(grant)")
      }
      #expect(try ask("GET /.porthole/other", "").status == "404")
      #expect(try ask("GET /.porthole", "").status == "404")
      #expect(try ask("DELETE /.porthole/auth?grant=\(good)", "").status == "405")
    }
  }

  @Test func aLinkHasItsScope() throws {
    let link = ShareLink(
      id: 5, expiresAtMs: .max / 2, pathPrefix: "/docs", methods: ["GET"], allowIPs: [CIDR("127.0.0.0/8")!])
    try with({ $0.links = [link] }) { (guarded, origin, ask) throws in
      let grant = guarded.cookie(port: origin.port, nonce: 99, link: 5, kind: .grant)
      #expect(try ask("GET /.porthole/auth?grant=\(grant)&next=/docs", "").status == "303")
      let cookie = "Cookie: __Host-porthole=\(guarded.cookie(port: origin.port, nonce: 99, link: 5))\r\n"
      for path in ["/docs", "/docs/", "/docs/a?b=../c", "/docs?x"] {
        #expect(try ask("GET \(path)", cookie).status == "200", "\(path)")
      }
      #expect(try ask("HEAD /docs", cookie).status == "200")
      for path in [
        "/", "/docsx", "/doc", "/docs/../x", "/docs/%2e%2e/x", "/docs%2f..", "/docs//x", "/docs/..", "/Docs",
        "/docs\\x",
        "/docs/%252e%252e/x", "/docs/;/x",
      ] {
        #expect(try ask("GET \(path)", cookie).status == "403", "\(path)")
      }
      #expect(try ask("POST /docs", cookie + "Origin: https://\(origin.host)\r\nContent-Length: 0\r\n").status == "403")
      #expect(guarded.reports.contains { if case .linkUsed(_, _, 5, _) = $0 { true } else { false } })
      guarded.change { $0.exposures[0].links = [] }
      #expect(try ask("GET /docs", cookie).status == "401")
      #expect(try ask("GET /.porthole/auth?grant=\(grant)&next=/docs", "").status == "401")
    }
  }

  @Test func aSingleUseLinkIsUsedByAPressOfAButton() throws {
    let link = ShareLink(id: 6, once: true, expiresAtMs: .max / 2)
    try with({ $0.links = [link] }) { (guarded, origin, ask) throws in
      let grant = guarded.cookie(port: origin.port, nonce: 99, link: 6, kind: .onceGrant)
      for method in ["GET", "HEAD"] {
        let page = try ask("\(method) /.porthole/auth?grant=\(grant)&next=/a", "")
        #expect(page.status == "200" && !page.head.contains("Set-Cookie"))
      }
      #expect(guarded.reports.allSatisfy { if case .redeem = $0 { false } else { true } })
      for (isGranted, status) in [(true, "303"), (false, "401")] {
        let client = try TLSSocket(guarded.edge, host: origin.host)
        let form = "grant=\(grant)&next=%2Fa"
        client.send(
          "POST /.porthole/auth HTTP/1.1\r\nHost: \(origin.host)\r\nContent-Length: \(form.utf8.count)\r\n\r\n\(form)")
        #expect(eventually { guarded.redemptions().count == (isGranted ? 1 : 2) })
        let redemption = try #require(guarded.redemptions().last)
        #expect(redemption.link == 6 && redemption.nonce == 99 && redemption.sandbox.text == "a")
        guarded.edge.perform { $0.answer(redemption: redemption.ticket, granted: isGranted) }
        let head = client.receive(through: "\r\n\r\n") ?? ""
        #expect(head.hasPrefix("HTTP/1.1 \(status)") && head.contains("Set-Cookie") == isGranted)
        client.close()
      }
      // A client that goes while the answer is awaited, and an answer for nobody.
      let client = try TLSSocket(guarded.edge, host: origin.host)
      let form = "grant=\(grant)"
      client.send(
        "POST /.porthole/auth HTTP/1.1\r\nHost: \(origin.host)\r\nContent-Length: \(form.utf8.count)\r\n\r\n\(form)")
      #expect(eventually { guarded.redemptions().count == 3 })
      client.reset()
      #expect(eventually { guarded.edge.value(.requestsInFlight) == 0 })
      let ticket = try #require(guarded.redemptions().last).ticket
      guarded.edge.perform { $0.answer(redemption: ticket, granted: true) }
    }
  }

  @Test func aFormThatIsTooLongIsRefused() throws {
    try with { (guarded, _, ask) throws in
      #expect(
        try ask("POST /.porthole/auth", "Content-Length: 20000\r\n\r\n" + String(repeating: "a", count: 20_000)).status
          == "413")
    }
  }
}

extension GuardedEdge {
  func redemptions() -> [Redemption] {
    reports.compactMap { if case .redeem(let redemption) = $0 { redemption } else { nil } }
  }
}
