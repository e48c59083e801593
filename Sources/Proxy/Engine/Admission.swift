import Auth
import Bytes
import HTTP
import Router
import Sandbox

/// On what grounds a request was let in: what has to stay true as long as it runs.
struct Admission {
  enum Grounds {
    /// The port asks for nothing.
    case open
    case token
    case cookie
  }

  var grounds = Grounds.open
  var epoch: UInt64 = 0
  var nonce: UInt64 = 0
  var link: UInt64 = 0

  /// Whether the grounds still hold. Expiry of a cookie or a link does not end what runs; revoking them does.
  func holds(_ guarded: RouteGuard, client: IPAddress) -> Refusal? {
    guard guarded.allows(client) else { return .forbidden }
    // Closed and exposed again is another exposure, also where both are open to everybody.
    if nonce != 0, nonce != guarded.nonce { return .notFound }
    guard guarded.needsToken else { return nil }
    guard grounds != .open, guarded.credential?.epoch == epoch else { return .unauthenticated }
    if link != 0, guarded.link(link) == nil { return .unauthenticated }
    return nil
  }

  enum Verdict {
    case admitted(Admission)
    case refused(Refusal)
    /// A CORS preflight from an origin that may embed the port (Fetch §4.8): answered here, since it has no credential.
    case preflight
  }

  /// Asks a request for what the port wants of it.
  static func judge(
    _ guarded: RouteGuard, _ view: RequestHead, client: IPAddress, nowMs: UInt64, keys: CredentialKeys?
  ) -> Verdict {
    if guarded.hasExpired(nowMs: nowMs) { return .refused(.notFound) }
    guard guarded.allows(client) else { return .refused(.forbidden) }
    guard guarded.needsToken else { return .admitted(Admission(nonce: guarded.nonce)) }
    guard let credential = guarded.credential else { return .refused(.unauthenticated) }
    let headers = view.headers

    if hasToken(headers, credential.tokenHash) {
      return .admitted(Admission(grounds: .token, epoch: credential.epoch, nonce: guarded.nonce))
    }
    var verdict = Verdict.refused(.unauthenticated)
    if let keys {
      verdict = cookie(guarded, view, client: client, nowMs: nowMs, keys)
    }
    if case .refused(.unauthenticated) = verdict, isPreflight(view), let origin = headers.value(of: .origin),
      guarded.embeds(origin)
    {
      return .preflight
    }
    return verdict
  }

  // MARK: Tokens

  private static func hasToken(_ headers: HeaderList, _ hash: UnsafePointer<UInt8>) -> Bool {
    // A request has a few of these fields at most; one that has many is not hashed for ever.
    var attempts = 0
    for index in 0..<headers.count {
      let field = headers.fields[index]
      var candidate: UnsafeBufferPointer<UInt8>
      switch field.known {
      case .xPortholeToken: candidate = ASCII.trimmed(headers.bytes(field.value))
      case .authorization:
        guard let bearer = Bearer.token(headers.bytes(field.value)) else { continue }
        candidate = bearer
      default: continue
      }
      attempts += 1
      guard attempts <= attemptsMax else { return false }
      if candidate.count <= tokenBytesMax, matches(candidate, hash) { return true }
    }
    return false
  }

  static let attemptsMax = 8
  private static let tokenBytesMax = 256

  private static func matches(_ token: UnsafeBufferPointer<UInt8>, _ hash: UnsafePointer<UInt8>) -> Bool {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: SHA256.byteCount) { own in
      SHA256.hash(token, into: own.baseAddress!)
      return ConstantTime.equals(own.baseAddress!, hash, count: SHA256.byteCount)
    }
  }

  // MARK: Cookies

  private static func cookie(
    _ guarded: RouteGuard, _ view: RequestHead, client: IPAddress, nowMs: UInt64, _ keys: CredentialKeys
  ) -> Verdict {
    let headers = view.headers
    var best = Verdict.refused(.unauthenticated)
    var attempts = 0
    for index in 0..<headers.count where headers.fields[index].known == .cookie {
      var rest = headers.bytes(headers.fields[index].value)
      // A browser may hold several of our name, in different partitions or from a link that was replaced: any will do.
      while let value = CookieFirewall.nextOwnValue(&rest) {
        attempts += 1
        guard attempts <= attemptsMax else { return best }
        guard let pass = keys.open(value, sandbox: guarded.id), pass.kind == .cookie,
          guarded.accepts(pass, nowMs: nowMs)
        else { continue }
        switch scope(pass, guarded, view, client: client, nowMs: nowMs) {
        case .admitted(let admission): return .admitted(admission)
        case .refused(.forbidden): best = .refused(.forbidden)
        default: break
        }
      }
    }
    return best
  }

  /// How far the link goes that a cookie comes from, and whether the request may be somebody else's idea.
  private static func scope(
    _ pass: Pass, _ guarded: RouteGuard, _ view: RequestHead, client: IPAddress, nowMs: UInt64
  ) -> Verdict {
    let headers = view.headers
    if pass.link != 0 {
      guard let link = guarded.link(pass.link), link.expiresAtMs > nowMs else { return .refused(.unauthenticated) }
      guard link.allows(client), link.allows(target: view.target.bytes(in: headers.base)),
        // For an app, the extended CONNECT of HTTP/2 is the GET that it becomes.
        link.allows(method: view.method == .connect ? get : view.methodName.bytes(in: headers.base))
      else { return .refused(.forbidden) }
    }
    if needsOrigin(view), !hasOwnOrigin(guarded, view) { return .refused(.forbidden) }
    return .admitted(Admission(grounds: .cookie, epoch: pass.epoch, nonce: pass.nonce, link: pass.link))
  }

  private static var get: UnsafeBufferPointer<UInt8> {
    let name: StaticString = "GET"
    return UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
  }

  // MARK: Origins

  /// Browsers send cookies along with what any page asks for. What changes something (RFC 9110 §9.2.1), or opens a
  /// two-way conversation that no same-origin policy guards, must come from a page that may.
  private static func needsOrigin(_ view: RequestHead) -> Bool {
    if view.upgrade != .none { return true }
    switch view.method {
    case .get, .head, .options, .trace: return false
    default: return true
    }
  }

  private static func hasOwnOrigin(_ guarded: RouteGuard, _ view: RequestHead) -> Bool {
    let headers = view.headers
    guard let origin = headers.value(of: .origin) else {
      // Every browser sends an origin with these; one that was taken off on the way still has this word, which pages
      // cannot forge.
      return headers.value(of: .secFetchSite).map { ASCII.equals($0, "same-origin") } ?? false
    }
    let own = OwnURL.originCount(origin, authority: view.authority.bytes(in: headers.base))
    if own > 0, own == origin.count { return true }
    return guarded.embeds(origin)
  }

  /// Fetch §4.8: OPTIONS with an origin and the method that is planned.
  private static func isPreflight(_ view: RequestHead) -> Bool {
    view.method == .options && view.headers.firstIndex(of: .accessControlRequestMethod) >= 0
  }
}

/// RFC 6750 §2.1.
enum Bearer {
  /// What follows `Bearer `, in any case; nil for other schemes.
  static func token(_ value: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8>? {
    guard value.count > 7, value[6] == 0x20,
      ASCII.equalsIgnoringCase(UnsafeBufferPointer(rebasing: value[..<6]), "bearer")
    else { return nil }
    return ASCII.trimmed(UnsafeBufferPointer(rebasing: value[7...]))
  }

  /// Whether an `Authorization` is one of Porthole's, valid or not: it never reaches a sandbox.
  static func isOurs(_ value: UnsafeBufferPointer<UInt8>) -> Bool { token(value).map(Secret.looksLikeOurs) ?? false }
}
