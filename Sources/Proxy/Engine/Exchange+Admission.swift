import Auth
import Bytes
import HTTP
import Loop
import Router
import Sandbox
import Telemetry

// Between deciding and finding an upstream: who may come in, and waiting for a sandbox that does not run yet.

extension Exchange {
  /// A port that asks for something, or a sandbox that does not run.
  func admit(_ view: RequestHead, _ guarded: RouteGuard) {
    guard let downstream else { return }
    let verdict = Admission.judge(
      guarded, view, client: downstream.client.ip, nowMs: worker.wallMs, keys: worker.keys)
    switch verdict {
    case .admitted(let admission):
      self.admission = admission
      if admission.grounds != .open, let origin = view.headers.value(of: .origin), guarded.embeds(origin) {
        embedOrigin = Array(origin)
      }
      if admission.link != 0 { worker.linkUsed(guarded, admission.link, downstream.client.ip) }
      if guarded.state == .running {
        enter(worker.pool.bucket(guarded), view)
      } else if let refusal = guarded.refusalNow {
        keepForLog(view)
        refuse(refusal)
      } else {
        park(view, guarded)
      }
    case .refused(let refusal):
      keepForLog(view)
      deny(guarded, refusal)
    case .preflight:
      keepForLog(view)
      answerPreflight(view)
    }
  }

  /// Refuses a request that its guard does not let in, and tells the control side.
  func deny(_ guarded: RouteGuard, _ refusal: Refusal) {
    if let downstream { worker.denied(guarded, refusal, downstream.client.ip) }
    refuse(refusal)
  }

  /// The upstream is known; the sandbox runs.
  func enter(_ bucket: UpstreamBucket, _ view: RequestHead) {
    take(bucket)
    guard !bucket.isOurselves else {
      keepForLog(view)
      refuse(.notFound)
      return
    }
    forward(view, bucket)
  }

  /// From here on the exchange depends on its sandbox, and a change finds it.
  private func take(_ bucket: UpstreamBucket) {
    self.bucket = bucket
    guard let presence = bucket.presence else { return }
    presence.enter(self)
    if bucket.target.countsAsActivity { presence.wasActive = true }
  }

  /// Whether this is traffic that keeps a sandbox from idling: a request that waits for its answer, or a stream that
  /// moved within the last second.
  func isActivity(nowMs: UInt64) -> Bool {
    guard let bucket, bucket.target.countsAsActivity else { return false }
    switch stage {
    case .dialing, .awaitingResponse: return true
    case .responding, .tunnel: return nowMs &- lastByteMs <= 1_500
    case .local, .idle, .ended: return false
    }
  }

  // MARK: Parking

  /// Waits for the sandbox: nothing of the body is taken, and the client is held back. Bounded in number and in time.
  private func park(_ view: RequestHead, _ guarded: RouteGuard) {
    let bucket = worker.pool.bucket(guarded)
    guard let presence = bucket.presence, worker.parkedCount < worker.settings.parkedMax,
      presence.parked < worker.settings.parkedPerSandboxMax
    else {
      keepForLog(view)
      refuse(.overloaded)
      return
    }
    take(bucket)
    guard frame(view) else { return }
    writeRequestHead(view, bucket)
    isParked = true
    presence.parked += 1
    worker.parkedCount += 1
    worker.loop.timers.schedule(self, afterMs: worker.settings.parkMs)
    if guarded.state.sleeps { worker.askToWake(presence, port: guarded.port) }
  }

  func unpark() {
    guard isParked else { return }
    isParked = false
    worker.parkedCount -= 1
    presence?.parked -= 1
  }

  /// The budget is used up. The sandbox may come yet, so the client is told to ask again.
  func parkingEnded() {
    unpark()
    refuse(.starting)
  }

  // MARK: Changes

  /// The sandbox, its exposures or its credentials changed: what this exchange depends on may be gone, or what it waits
  /// for may have come.
  func recheck() {
    guard stage != .idle, stage != .ended, let bucket, let presence, let downstream else { return }
    let table = worker.table
    guard let guarded = table.find(sandbox: presence.id.text, port: bucket.key.port),
      !guarded.hasExpired(nowMs: worker.wallMs)
    else {
      cut(table.state(of: presence.id) == .terminated ? .terminated : .notFound)
      return
    }
    if let refusal = admission.holds(guarded, client: downstream.client.ip) {
      cut(refusal)
    } else if guarded.state != .running {
      waitFor(guarded)
    } else if isParked {
      goOn(guarded)
    } else if guarded.generation != bucket.key.generation {
      // It stopped and started again between two looks: the connection leads to what is no more.
      cut(.upstreamReset)
    }
  }

  private func waitFor(_ guarded: RouteGuard) {
    if let refusal = guarded.refusalNow {
      cut(refusal)
    } else if isParked {
      if guarded.state.sleeps, let presence { worker.askToWake(presence, port: guarded.port) }
    } else {
      // It runs no more under this very request, which may have had an effect: only its client can say whether to repeat it.
      cut(guarded.state.refusal ?? .starting)
    }
  }

  /// The sandbox runs: the request goes where it was meant for.
  private func goOn(_ guarded: RouteGuard) {
    unpark()
    let next = worker.pool.bucket(guarded)
    guard let old = bucket, next.target.hostPolicy == old.target.hostPolicy else {
      // Its head was written for another treatment.
      refuse(.starting)
      return
    }
    bucket = next
    guard !next.isOurselves else {
      refuse(.notFound)
      return
    }
    dialPatienceMs = worker.settings.wokenDialRetryMs
    lease()
  }

  /// Ends the exchange because what it depended on is gone.
  func cut(_ refusal: Refusal) {
    unpark()
    worker.counters.add(.exchangesCut)
    switch stage {
    case .dialing, .awaitingResponse, .local: refuse(refusal)
    case .responding:
      detachUpstream(reusable: false)
      self.refusal = refusal
      breakOff()
    case .tunnel: endTunnel(refusal)
    case .idle, .ended: break
    }
  }

  // MARK: CORS

  /// What the browser asked is granted for the page that asks: credentials, the method and the fields it named.
  private func answerPreflight(_ view: RequestHead) {
    let headers = view.headers
    func text(_ name: HeaderName) -> String {
      headers.value(of: name).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
    var fields = [
      ("access-control-allow-origin", text(.origin)), ("access-control-allow-credentials", "true"),
      ("access-control-allow-methods", text(.accessControlRequestMethod)), ("access-control-max-age", "600"),
      ("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
    ]
    let asked = text(.accessControlRequestHeaders)
    if !asked.isEmpty { fields.append(("access-control-allow-headers", asked)) }
    answer(LocalResponse(status: 204, headers: fields))
  }
}

extension SandboxState {
  /// Nothing happens to it unless somebody asks.
  var sleeps: Bool {
    switch self {
    case .pausing, .paused, .hibernating, .hibernated: true
    default: false
    }
  }
}
