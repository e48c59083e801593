import Auth
import Bytes
import HTTP
import Loop
import Pages
import Router
import Sandbox
import Telemetry

// Porthole's own paths on a preview host: `/.porthole/auth`, where a grant is exchanged for a cookie.

extension Exchange {
  /// A path below `/.porthole`. What is not there, is not exposed or has expired is one and the same 404.
  func serveOwn(_ view: RequestHead, _ guarded: RouteGuard?) {
    guard let downstream else { return }
    keepForLog(view)
    let target = view.target.bytes(in: view.headers.base)
    let path = UnsafeBufferPointer(rebasing: target.prefix { $0 != UInt8(ascii: "?") })
    guard let guarded, ASCII.equals(path, "/.porthole/auth"), !guarded.hasExpired(nowMs: worker.wallMs) else {
      refuse(.notFound)
      return
    }
    guard guarded.allows(downstream.client.ip) else { return deny(guarded, .forbidden) }
    switch method {
    case .get, .head:
      let query = target.dropFirst(path.count + 1)
      redeem(FormFields(query), guarded, isPost: false)
    case .post: readForm(view, guarded)
    default: answer(LocalResponse(status: 405, headers: [("allow", "GET, HEAD, POST"), ("cache-control", "no-store")]))
    }
  }

  /// A form is small: what is longer is not one of ours.
  private static var formBytesMax: Int { 16_384 }

  private func readForm(_ view: RequestHead, _ guarded: RouteGuard) {
    guard let id = guarded.sandboxID else { return refuse(.notFound) }
    let port = guarded.port
    let call = LocalCall(view, self)
    beginLocal(call)
    call.collect(limit: Exchange.formBytesMax) { [unowned(unsafe) self] body in
      guard let body else { return refuse(.bodyTooLarge) }
      // The table may be another by now.
      guard let guarded = worker.table.find(sandbox: id.text, port: port) else { return refuse(.notFound) }
      redeem(FormFields(body), guarded, isPost: true)
    }
  }

  private func redeem(_ form: FormFields, _ guarded: RouteGuard, isPost: Bool) {
    guard let downstream else { return }
    let next = RedirectPath.safe(form.only("next") ?? [])
    guard guarded.needsToken else {
      // Nothing to exchange: the port has become public since the link was made.
      leave(to: next, cookie: nil)
      return
    }
    guard let pass = pass(form, guarded) else { return deny(guarded, .unauthenticated) }
    if let link = guarded.link(pass.link), !link.allows(downstream.client.ip) { return deny(guarded, .forbidden) }
    switch (pass.kind, isPost) {
    case (.onceGrant, false): askForGesture(form, next)
    case (.onceGrant, true): redeemOnce(pass, guarded, next)
    default:
      if pass.link != 0 { worker.linkUsed(guarded, pass.link, downstream.client.ip) }
      leave(to: next, cookie: cookie(for: pass, guarded))
    }
  }

  /// The grant that a form brings, if it is good for this port now.
  private func pass(_ form: FormFields, _ guarded: RouteGuard) -> Pass? {
    guard let keys = worker.keys, let text = form.only("grant"),
      let pass = text.withUnsafeBufferPointer({ keys.open($0, sandbox: guarded.id) }), pass.kind != .cookie,
      guarded.accepts(pass, nowMs: worker.wallMs)
    else { return nil }
    if pass.link == 0 { return pass.kind == .grant ? pass : nil }
    guard let link = guarded.link(pass.link), link.expiresAtMs > worker.wallMs, link.once == (pass.kind == .onceGrant)
    else { return nil }
    return pass
  }

  /// A single-use link is used by a press of a button, which programs that look at links in mails and chats don't do.
  private func askForGesture(_ form: FormFields, _ next: String) {
    let grant = String(decoding: form.only("grant") ?? [], as: UTF8.self)
    let page = Pages.gesture(grant: grant, next: next)
    var response = LocalResponse(status: 200, body: Array(page.utf8))
    response.headers = Pages.gestureHeaders.map { ("\($0.name)", "\($0.value)") }
    answer(response)
  }

  private func redeemOnce(_ pass: Pass, _ guarded: RouteGuard, _ next: String) {
    guard let downstream, let id = guarded.sandboxID else { return refuse(.notFound) }
    let value = cookie(for: pass, guarded)
    worker.redeem(
      self,
      Redemption(
        worker: worker.index, ticket: worker.nextTicket(), sandbox: id, port: guarded.port, nonce: pass.nonce,
        link: pass.link, client: downstream.client.ip)
    ) { [unowned(unsafe) self] granted in
      if granted { leave(to: next, cookie: value) } else { refuse(.unauthenticated) }
    }
  }

  /// Good for a week, and no longer than the exposure and the link are.
  private func cookie(for pass: Pass, _ guarded: RouteGuard) -> String {
    guard let keys = worker.keys, let id = guarded.sandboxID else { return "" }
    let now = worker.wallMs / 1000
    var expiresAt = now + worker.settings.cookieSeconds
    if let policy = guarded.policy {
      expiresAt = min(expiresAt, policy._withUnsafeGuaranteedRef { $0.expiresAtMs / 1000 })
    }
    if let link = guarded.link(pass.link) { expiresAt = min(expiresAt, link.expiresAtMs / 1000) }
    let sealed = keys.seal(
      Pass(
        kind: .cookie, port: guarded.port, expiresAt: expiresAt, epoch: pass.epoch, nonce: pass.nonce, link: pass.link),
      sandbox: id.text)
    return "\(CookieFirewall.name)=\(sealed); Path=/; Max-Age=\(expiresAt - min(now, expiresAt)); Secure; HttpOnly; "
      + "SameSite=None; Partitioned"
  }

  private func leave(to next: String, cookie: String?) {
    var headers = [
      ("location", next), ("cache-control", "no-store"), ("referrer-policy", "no-referrer"),
    ]
    if let cookie { headers.append(("set-cookie", cookie)) }
    answer(LocalResponse(status: 303, headers: headers))
  }
}

extension Worker {
  func nextTicket() -> UInt64 {
    lastTicket &+= 1
    return lastTicket
  }

  /// Asks the control side; `done` is called unless the client goes first.
  func redeem(_ exchange: Exchange, _ redemption: Redemption, _ done: @escaping (Bool) -> Void) {
    guard redemptions.count < 1_024, whenReporting != nil else {
      exchange.refuse(.overloaded)
      return
    }
    exchange.redemption = redemption.ticket
    redemptions[redemption.ticket] = done
    // The control side answers within milliseconds, or is stuck.
    loop.timers.schedule(exchange, afterMs: 10_000)
    send(.redeem(redemption))
  }
}
