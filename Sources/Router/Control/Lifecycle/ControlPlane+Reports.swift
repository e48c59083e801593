internal import Bytes
public import Router
internal import Sandbox
internal import Store
internal import Telemetry

extension ControlPlane {
  /// What workers tell. Returns at once.
  public func take(_ report: RouteReport) {
    guard keys != nil else { return }
    switch report {
    case .wake(let id, _): wake(id)
    case .activity(let ids): for id in ids { idle.active(id, nowMs: nowMs) }
    case .redeem(let redemption): Task { await redeem(redemption) }
    case .linkUsed(let id, let port, let link, let client):
      noticed.used(.init(sandbox: id, port: port, link: link, client: client), nowMs: nowMs)
    case .firstRequest(let id, let port, let nonce):
      noticed.firstRequest(.init(sandbox: id, port: port, nonce: nonce))
    case .denied(let id, let port, let word, let client, let count):
      noticed.denied(.init(sandbox: id, port: port, word: "\(word)", client: client), count: count)
    }
  }

  /// One resume, however many requests wait for it and however many workers tell of them.
  private func wake(_ id: SandboxID) {
    guard !isStopping, wakes.begin(id, nowMs: nowMs) else { return }
    Task {
      do {
        let (settling, row) = try await perform(.resume, id, cause: .request)
        wakes.succeeded(id)
        if settling != nil { counted.wakes += 1 } else { republish(row) }
      } catch {
        counted.wakesFailed += 1
        wakes.failed(id, nowMs: nowMs)
      }
    }
  }

  /// It runs already, and still a worker asks: it shall look again.
  private func republish(_ row: StoredSandbox) { dataPlane.publish([], touched: [row.id]) }

  /// Says yes to one request per single-use link, ever: the answer is on disk before it is given.
  private func redeem(_ redemption: Redemption) async {
    let granted: Bool
    do {
      granted = try await change(redemption.sandbox) { change in
        change.publication = .nothing
        return try change.redeem(redemption)
      }
    } catch {
      granted = false
      if !(error is Problem) { logger?.error("a link could not be redeemed", ["reason": "\(error)"]) }
    }
    if granted { counted.redemptions += 1 } else { counted.redemptionsRefused += 1 }
    dataPlane.answer(redemption, granted: granted)
  }
}

extension SandboxChange {
  fileprivate mutating func redeem(_ redemption: Redemption) throws -> Bool {
    guard let exposure = try exposure(redemption.port), exposure.exposure.nonce == redemption.nonce,
      var link = try tx.link(redemption.link), link.sandbox == row.id, link.port == redemption.port,
      link.link.once, link.redeemedAtMs == nil, !link.isOver(nowMs)
    else { return false }
    link.redeemedAtMs = nowMs
    link.lastUsedAtMs = nowMs
    try tx.update(link)
    try event(
      .linkUsed, port: link.port,
      ["link": .string(LinkID.text(link.link.id)), "client": .string(redemption.client.description), "count": 1])
    return true
  }
}
