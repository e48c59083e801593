internal import Bytes
internal import Sandbox
internal import Store
internal import Telemetry

extension ControlPlane {
  /// Writes down what workers told in the last second, and which API keys were used.
  func writeNoticed() async {
    let (batch, keyUses, nowMs) = (noticed.take(), apiKeys.takeUses(), nowMs)
    counted.deniedUnwritten += UInt64(batch.unwritten)
    guard !batch.isEmpty || !keyUses.isEmpty else { return }
    do {
      let events = try await store.write { tx in
        try tx.writeUses(of: keyUses)
        return try tx.write(batch, nowMs: nowMs)
      }
      counted.events += UInt64(events)
      if events > 0 { feed.somethingHappened() }
    } catch {
      logger?.error("what requests did could not be written down", ["reason": "\(error)"])
    }
  }
}

extension StoreTransaction {
  fileprivate func writeUses(of keys: [String: UInt64]) throws {
    guard !keys.isEmpty else { return }
    for var key in try apiKeys() {
      guard let usedMs = keys[key.id] else { continue }
      key.lastUsedAtMs = usedMs
      try update(key)
    }
  }

  /// Returns how many events it wrote.
  fileprivate func write(_ batch: Noticed.Batch, nowMs: UInt64) throws -> Int {
    var events: [StoredEvent] = []
    for (denial, count) in batch.denials {
      let details: JSONValue = [
        "error": .string(denial.word), "client": .string(denial.client.description), "count": .count(count),
      ]
      events.append(
        StoredEvent(
          atMs: nowMs, type: EventType.denied.rawValue, sandbox: denial.sandbox, port: denial.port,
          details: JSONWriter.string(details)))
    }
    for (use, count, lastMs) in batch.uses {
      guard var link = try link(use.link), link.sandbox == use.sandbox else { continue }
      link.lastUsedAtMs = lastMs
      try update(link)
      events.append(.linkUsed(link, client: use.client, count: count, nowMs: nowMs))
    }
    for request in batch.firstRequests {
      guard var exposure = try exposure(request.sandbox, port: request.port), exposure.firstRequestAtMs == nil,
        exposure.exposure.nonce == request.nonce
      else { continue }
      exposure.firstRequestAtMs = nowMs
      try update(exposure)
      events.append(
        StoredEvent(
          atMs: nowMs, type: EventType.firstRequest.rawValue, sandbox: request.sandbox, port: request.port))
    }
    for event in events { try append(event) }
    return events.count
  }
}
