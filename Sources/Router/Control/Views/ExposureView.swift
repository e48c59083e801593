internal import Auth
internal import Bytes
internal import Sandbox
internal import Store

/// An exposure as answers show it.
enum ExposureView {
  static let shape = Shape(
    "Exposure", "A port with a URL.",
    [
      Field("port", .integer(1...65535)), Field("name", .nullable(.plain)), Field("url", .plain),
      .optional("browserUrl", .plain, "Opens a protected port in a browser; `next` in it may be changed. Ends soon."),
      .optional("browserUrlExpiresAt", .time), Field("sandboxId", .plain),
      Field("auth", .word(ExposureAuth.allCases.map(\.rawValue))),
      Field("ttl", .nullable(.count), "Seconds that it lasts from its creation; null: until it is closed."),
      Field("expiresAt", .nullable(.time)),
      Field("allowIPs", .list(.plain, countMax: 256), "Empty: any address."), Field("host", .plain),
      Field("protocol", .word(UpstreamProtocol.allCases.map(\.rawValue))),
      Field("embedOrigins", .list(.plain, countMax: 64)), Field("wake", .boolean), Field("keepAlive", .boolean),
      Field("createdAt", .time), Field("firstRequestAt", .nullable(.time)),
      Field("source", .word(["api", "configuration"])),
    ])
}

extension Views {
  func exposure(_ stored: StoredExposure, of row: StoredSandbox, nowMs: UInt64) -> JSONValue {
    let exposure = stored.exposure
    let createdAtMs = stored.isConfigured ? row.createdAtMs : stored.createdAtMs
    let pass = browserPass(exposure, row, nowMs: nowMs)
    return .members([
      "port": .count(exposure.port), "name": .text(exposure.name),
      "url": .string(origin(row.id, port: exposure.port) + "/"),
      "browserUrl": pass.map { .derived(bootstrap(row.id, $0, next: "/")) },
      "browserUrlExpiresAt": pass.map { TimeText.json(ms: $0.expiresAt * 1000) },
      "sandboxId": .string(row.id.text), "auth": .string(exposure.auth.rawValue),
      "ttl": exposure.expiresAtMs.map { .count(($0 - min($0, createdAtMs)) / 1000) } ?? .null,
      "expiresAt": TimeText.json(ms: exposure.expiresAtMs),
      "allowIPs": .list(exposure.allowIPs.map(\.description)), "host": .string(exposure.host.text),
      "protocol": .string(exposure.upstream.rawValue), "embedOrigins": .list(exposure.embedOrigins),
      "wake": .bool(exposure.wake), "keepAlive": .bool(exposure.keepAlive),
      "createdAt": TimeText.json(ms: createdAtMs), "firstRequestAt": TimeText.json(ms: stored.firstRequestAtMs),
      "source": stored.isConfigured ? "configuration" : "api",
    ])
  }

  /// Good for an hour, or until the exposure ends. Nil where no credentials are asked for, or there are none.
  private func browserPass(_ exposure: Exposure, _ row: StoredSandbox, nowMs: UInt64) -> Pass? {
    guard exposure.auth == .token, let credential = row.credential else { return nil }
    let soon = nowMs / 1000 + settings.grantSeconds
    return Pass(
      kind: .grant, port: exposure.port, expiresAt: exposure.expiresAtMs.map { min($0 / 1000, soon) } ?? soon,
      epoch: credential.epoch, nonce: exposure.nonce)
  }

  func bootstrap(_ id: SandboxID, _ pass: Pass, next: String) -> DerivedSecret {
    .bootstrap(origin: origin(id, port: pass.port), sandbox: id.text, pass: pass, next: PercentText.encode(next))
  }
}

/// A share link as answers show it.
enum LinkView {
  static let shape = Shape(
    "Link", "Lets whoever has it use a protected port, as far as its scope goes.",
    [
      Field("id", .plain), .optional("url", .plain, "Only when it is made: it is a secret."),
      Field("sandboxId", .plain), Field("port", .integer(1...65535)), Field("name", .nullable(.plain)),
      Field("once", .boolean), Field("pathPrefix", .nullable(.plain)),
      Field("methods", .list(.plain, countMax: 32), "Empty: any."),
      Field("allowIPs", .list(.plain, countMax: 256), "Empty: any."), Field("createdAt", .time),
      Field("expiresAt", .time), Field("lastUsedAt", .nullable(.time)), Field("redeemedAt", .nullable(.time)),
    ])
}

extension Views {
  func link(_ stored: StoredLink, url: DerivedSecret? = nil) -> JSONValue {
    let link = stored.link
    return .members([
      "id": .string(LinkID.text(link.id)), "url": url.map { .derived($0) },
      "sandboxId": .string(stored.sandbox.text), "port": .count(stored.port), "name": .text(stored.name),
      "once": .bool(link.once), "pathPrefix": .text(link.pathPrefix), "methods": .list(link.methods),
      "allowIPs": .list(link.allowIPs.map(\.description)), "createdAt": TimeText.json(ms: stored.createdAtMs),
      "expiresAt": TimeText.json(ms: link.expiresAtMs), "lastUsedAt": TimeText.json(ms: stored.lastUsedAtMs),
      "redeemedAt": TimeText.json(ms: stored.redeemedAtMs),
    ])
  }
}
