public import Auth
import Bytes
import HTTP
import Loop
public import Router
public import Sandbox
import Telemetry

// What a worker tells the control side. Every report is bounded: by time, by number, or by one per thing.

extension Worker {
  /// Milliseconds since 1970, as of this turn of the loop.
  var wallMs: UInt64 { wallNs(loop.nowMs &* 1_000_000) / 1_000_000 }

  func send(_ report: RouteReport) { whenReporting?(report) }

  /// Once per sandbox every three seconds, as long as somebody waits: a wake that failed is tried again.
  func askToWake(_ presence: SandboxPresence, port: UInt16) {
    let now = loop.nowMs
    guard presence.wakeAskedMs == 0 || now &- presence.wakeAskedMs >= Worker.wakeEveryMs else { return }
    presence.wakeAskedMs = max(now, 1)
    counters.add(.wakesAsked)
    send(.wake(presence.id, port: port))
  }

  static let wakeEveryMs: UInt64 = 3_000

  func linkUsed(_ guarded: RouteGuard, _ link: UInt64, _ client: IPAddress) {
    let now = loop.nowMs
    if let last = linksReportedMs[link], now &- last < 60_000 { return }
    if linksReportedMs.count > 10_000 { linksReportedMs.removeAll(keepingCapacity: true) }
    linksReportedMs[link] = now
    guard let id = guarded.sandboxID else { return }
    send(.linkUsed(id, port: guarded.port, link: link, client: client))
  }

  func denied(_ guarded: RouteGuard, _ refusal: Refusal, _ client: IPAddress) {
    guard refusal == .unauthenticated || refusal == .forbidden, let id = guarded.sandboxID else { return }
    let key = Denial(sandbox: id, port: guarded.port, refusal: refusal, client: client)
    if denials[key] == nil, denials.count >= Worker.denialsMax { return }
    denials[key, default: 0] += 1
  }

  private static let denialsMax = 64

  /// Once a second.
  func reportTraffic() {
    let now = loop.nowMs
    var active: [SandboxID] = []
    pool.forEachPresence { presence in
      if presence.takeActivity(nowMs: now) { active.append(presence.id) }
      if presence.parked > 0 { presence.firstParked?.recheck() }
    }
    if !active.isEmpty { send(.activity(active)) }
    if denials.isEmpty { return }
    for (key, count) in denials {
      send(.denied(key.sandbox, port: key.port, word: key.refusal.word, client: key.client, count: count))
    }
    denials.removeAll(keepingCapacity: true)
  }

  /// From the control side: the next table, and the sandboxes whose requests have to be looked at again.
  public func apply(table: RouteTable, touched: [SandboxID]) {
    self.table = table
    for id in touched { pool.recheck(id) }
  }

  public func apply(keys: CredentialKeys) { self.keys = keys }

  /// The control side's answer to a redemption. Its exchange may be gone by now.
  public func answer(redemption ticket: UInt64, granted: Bool) {
    redemptions.removeValue(forKey: ticket)?(granted)
  }
}

struct Denial: Hashable {
  let sandbox: SandboxID
  let port: UInt16
  let refusal: Refusal
  let client: IPAddress
}

extension Exchange {
  /// The control side keeps when an exposure was first used; a pool bucket that was dropped and made again says so twice.
  func noteFirstUse(_ bucket: UpstreamBucket) {
    bucket.isKnownUsed = true
    guard let presence = bucket.presence else { return }
    worker.send(.firstRequest(presence.id, port: bucket.key.port, nonce: admission.nonce))
  }
}
