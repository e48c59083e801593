import Bytes
import HTTP2
import Loop
import Router
import Sandbox
import Telemetry

/// Idle connections of one worker, by generation and port: a recycled address can never carry one sandbox's request to
/// another, because another start has another generation.
final class UpstreamPool {
  struct Key: Hashable {
    let generation: UInt64
    let port: UInt16
  }

  unowned(unsafe) var worker: Worker!
  private var buckets: [Key: UpstreamBucket] = [:]
  private var presences: [String: SandboxPresence] = [:]
  /// The bucket that was asked for last: most requests in a row are for the same one.
  private var latest: UpstreamBucket?
  fileprivate(set) var idleCount = 0 {
    didSet { worker.counters.set(.upstreamConnectionsIdle, to: UInt64(idleCount)) }
  }

  func bucket(_ target: UpstreamTarget, port: UInt16) -> UpstreamBucket {
    if let latest, latest.key.generation == target.generation, latest.key.port == port, latest.target === target {
      return latest
    }
    let key = Key(generation: target.generation, port: port)
    if let known = buckets[key], known.target === target {
      latest = known
      return known
    }
    let made = UpstreamBucket(worker: worker, key: key, target: target, presence: presence(target.sandboxID))
    // A target that was replaced under the same generation (its host policy changed, say) takes over the place; the
    // old one's idle connections age out.
    if let old = buckets[key] { forget(key, old) }
    buckets[key] = made
    made.presence?.keys.append(key)
    latest = made
    return made
  }

  /// The guard's table has to be held by the caller.
  func bucket(_ guarded: RouteGuard) -> UpstreamBucket {
    guarded.target._withUnsafeGuaranteedRef { bucket($0, port: guarded.port) }
  }

  private func presence(_ id: String) -> SandboxPresence? {
    if let known = presences[id] { return known }
    guard let sandboxID = SandboxID(id) else { return nil }
    let made = SandboxPresence(id: sandboxID)
    presences[id] = made
    return made
  }

  func forEachPresence(_ body: (SandboxPresence) -> Void) {
    for presence in presences.values { body(presence) }
  }

  /// After a change of a sandbox: ends the requests that may not go on, and lets go of connections to what is no more.
  func recheck(_ id: SandboxID) {
    guard let presence = presences[id.text] else { return }
    presence.wakeAskedMs = 0
    presence.recheck()
    let isRunning = worker.table.state(of: id) == .running
    for key in presence.keys {
      let now = worker.table.find(sandbox: id.text, port: key.port)
      if isRunning, now?.generation == key.generation { continue }
      if let bucket = buckets[key] { forget(key, bucket) }
    }
  }

  private func forget(_ key: Key, _ bucket: UpstreamBucket) {
    bucket.retire()
    buckets[key] = nil
    bucket.presence?.keys.removeAll { $0 == key }
    if latest === bucket { latest = nil }
  }

  /// Once a second: connections that nobody used for a while go, and empty buckets with them.
  func sweep() {
    let now = worker.loop.nowMs
    for (key, bucket) in buckets {
      bucket.closeIdle(before: now &- min(now, worker.settings.upstreamIdleMs))
      if bucket.isUnused, bucket.lastUsedMs &+ 60_000 < now { forget(key, bucket) }
    }
    for (id, presence) in presences where presence.isUnused { presences[id] = nil }
  }
}

/// All connections to one port of one generation.
final class UpstreamBucket {
  unowned(unsafe) let worker: Worker
  let key: UpstreamPool.Key
  let target: UpstreamTarget
  let endpoint: Endpoint
  /// The sandbox's; nil for gateways.
  let presence: SandboxPresence?
  /// Something was forwarded to it.
  var isKnownUsed = false
  /// It is one of our own listeners: never dialled.
  let isOurselves: Bool
  /// For the access log.
  let sandboxBytes: [UInt8]
  /// Newest last: the warmest connection is used first and the others may age out.
  private var idle: ContiguousArray<UpstreamConnection> = []
  private var http2: ContiguousArray<UpstreamConnection> = []
  private(set) var lastUsedMs: UInt64 = 0
  /// An https upstream chose HTTP/2 by ALPN: later requests look for a shared connection first.
  private var isKnownHTTP2 = false
  /// The pool has forgotten it: requests that still run end with it, and no connection waits here for another.
  private var isRetired = false

  init(worker: Worker, key: UpstreamPool.Key, target: UpstreamTarget, presence: SandboxPresence?) {
    self.presence = presence
    self.worker = worker
    self.key = key
    self.target = target
    endpoint = target.endpoint.resolved(port: key.port)
    isOurselves = UpstreamBucket.isOwn(endpoint, worker.settings.ownAddresses)
    sandboxBytes = Array(target.sandboxID.utf8)
  }

  private static func isOwn(_ endpoint: Endpoint, _ own: [SocketAddress]) -> Bool {
    guard case .tcp(let address) = endpoint else { return false }
    return own.contains { listener in
      listener.port == address.port
        && (listener.ip == address.ip || listener.ip.isUnspecified && address.ip.isLoopback || address.ip.isUnspecified)
    }
  }

  var speaksHTTP2: Bool { target.upstreamProtocol == .h2c || isKnownHTTP2 }
  var isUnused: Bool { idle.isEmpty && http2.isEmpty }

  func takeIdle() -> UpstreamConnection? {
    lastUsedMs = worker.loop.nowMs
    guard let connection = idle.popLast() else { return nil }
    connection.isIdle = false
    worker.pool.idleCount -= 1
    return connection
  }

  func put(_ connection: UpstreamConnection) {
    guard !isRetired, idle.count < worker.settings.idleUpstreamsPerKey,
      worker.pool.idleCount < worker.settings.idleUpstreamsMax,
      !worker.isDraining
    else {
      connection.close()
      return
    }
    connection.isIdle = true
    connection.idleSinceMs = worker.loop.nowMs
    idle.append(connection)
    worker.pool.idleCount += 1
  }

  func remove(_ connection: UpstreamConnection) {
    if let place = idle.lastIndex(where: { $0 === connection }) {
      idle.remove(at: place)
      worker.pool.idleCount -= 1
    }
    http2.removeAll { $0 === connection }
  }

  /// A connection that has room for another stream.
  func sharedHTTP2() -> UpstreamConnection? {
    lastUsedMs = worker.loop.nowMs
    return http2.last { $0.canOpenStream }
  }

  func share(_ connection: UpstreamConnection) {
    isKnownHTTP2 = true
    http2.append(connection)
  }

  func retire() {
    isRetired = true
    closeIdle()
  }

  func closeIdle(before limitMs: UInt64 = .max) {
    // Oldest first.
    while let oldest = idle.first, oldest.idleSinceMs < limitMs {
      idle.removeFirst()
      oldest.isIdle = false
      worker.pool.idleCount -= 1
      oldest.close()
    }
    for connection in http2 where connection.isUnusedHTTP2(since: limitMs) { connection.close() }
  }
}
