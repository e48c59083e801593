internal import Auth
internal import Bytes
internal import Sandbox
internal import Store

/// Makes answers of rows. It is a value, so that an answer can be made inside the transaction that it tells of.
struct Views: Sendable {
  let settings: ControlSettings
  let runnerKind: String

  private var domain: String { settings.domains.first ?? "localhost" }
  private var portSuffix: String { settings.httpsPort == 443 ? "" : ":\(settings.httpsPort)" }

  func runtimeURL(_ id: SandboxID) -> String { "https://\(id).\(domain)\(portSuffix)/" }
  func urlTemplate(_ id: SandboxID) -> String { "https://{port}-\(id).\(domain)\(portSuffix)/" }
  /// Without a slash at its end.
  func origin(_ id: SandboxID, port: UInt16) -> String { "https://\(host(id, port: port))\(portSuffix)" }
  func host(_ id: SandboxID, port: UInt16) -> String { "\(port)-\(id).\(domain)" }
}

/// A sandbox as answers show it.
enum SandboxView {
  static let ingressShape = Shape(
    "Ingress", "Which ports answer at all.",
    [
      .defaulting(
        "mode", .word(Ingress.Mode.allCases.map(\.rawValue)), to: "published",
        "`published`: exposed ports only. `open`: any port; the id is the credential."),
      .optional(
        "allowPorts", .list(.integer(1...65535), countMax: 65_535), "The network policy: limits either mode to these."),
      .defaulting(
        "wake", .boolean, to: false,
        "`open` only: a request to a port that nobody exposed resumes a sandbox that sleeps."
      ),
    ])

  static let shape = Shape(
    "Sandbox", "",
    [
      Field("id", .plain), Field("name", .nullable(.plain)),
      Field("status", .word(SandboxState.allCases.map(\.rawValue))),
      Field("image", .plain, "`-` for a sandbox that something else started."),
      Field("vcpus", .count), Field("memMiB", .count), Field("diskMiB", .count),
      Field("envNames", .list(.plain, countMax: 256), "Names only: values may be secrets."),
      Field("networkProfile", .nullable(.plain)),
      Field(
        "ingress",
        .object(
          Shape(
            "IngressView", "",
            [
              Field("mode", .word(Ingress.Mode.allCases.map(\.rawValue))),
              Field("allowPorts", .nullable(.list(.integer(1...65535), countMax: 65_535)), "Null: no limit."),
              Field("wake", .boolean),
            ]))),
      Field("timeoutSec", .count, "0: none."), Field("onTimeout", .word(IdleAction.allCases.map(\.rawValue))),
      Field("createMs", .count), Field("createdAt", .time), Field("endedAt", .nullable(.time)),
      Field("runtimeUrl", .plain, "The sandbox's own API, for its token."),
      Field("urlTemplate", .plain, "URLs of its ports; `{port}` stands for the number."),
      Field("exposedPorts", .count), Field("runner", .plain),
      Field("reason", .nullable(.plain), "Why it failed or ended, where nobody asked for that."),
      .optional("token", .plain, "Only where it is new: it can't be shown again."),
    ])
}

extension Views {
  func sandbox(_ row: StoredSandbox, exposedPorts: Int, showsToken: Bool = false) -> JSONValue {
    let body: JSONValue = .members([
      "id": .string(row.id.text), "name": .text(row.name), "status": .string(row.state.rawValue),
      "image": .string(row.spec.image), "vcpus": .count(row.spec.vcpus), "memMiB": .count(row.spec.memMiB),
      "diskMiB": .count(row.spec.diskMiB), "envNames": .list(row.spec.env.keys.sorted()),
      "networkProfile": .text(row.spec.networkProfile), "ingress": ingress(row.ingress),
      "timeoutSec": .count(row.timeoutSec ?? 0), "onTimeout": .string(row.onIdle.rawValue),
      "createMs": .count(row.createMs), "createdAt": TimeText.json(ms: row.createdAtMs),
      "endedAt": TimeText.json(ms: row.endedAtMs), "runtimeUrl": .string(runtimeURL(row.id)),
      "urlTemplate": .string(urlTemplate(row.id)), "exposedPorts": .count(exposedPorts),
      "runner": .string(runnerKind), "reason": .text(row.reason),
    ])
    guard showsToken, let credential = row.credential else { return body }
    return body.adding(["token": .derived(.token(sandbox: row.id.text, epoch: credential.epoch))])
  }

  /// With its ports counted.
  func sandbox(
    _ row: StoredSandbox, _ tx: StoreTransaction, nowMs: UInt64, showsToken: Bool = false
  ) throws -> JSONValue {
    let count = row.endedAtMs == nil ? try tx.exposures(row.id).count { !$0.isOver(nowMs) } : 0
    return sandbox(row, exposedPorts: count, showsToken: showsToken)
  }

  private func ingress(_ ingress: Ingress) -> JSONValue {
    [
      "mode": .string(ingress.mode.rawValue),
      "allowPorts": ingress.allowPorts.map { .array($0.sorted().map { .count($0) }) } ?? .null,
      "wake": .bool(ingress.wake),
    ]
  }

  func ended(_ row: StoredSandbox, nowMs: UInt64) -> JSONValue {
    [
      "id": .string(row.id.text), "status": .string(row.state.rawValue), "cpuMs": .count(row.usage.cpuMs),
      "memPeakBytes": .count(row.usage.memPeakBytes), "uptimeMs": .count(row.uptimeMs(nowMs: nowMs)),
    ]
  }

  func history(_ row: StoredSandbox, nowMs: UInt64) -> JSONValue {
    [
      "id": .string(row.id.text), "name": .text(row.name), "image": .string(row.spec.image),
      "vcpus": .count(row.spec.vcpus), "memMiB": .count(row.spec.memMiB), "createMs": .count(row.createMs),
      "createdAt": TimeText.json(ms: row.createdAtMs), "destroyedAt": TimeText.json(ms: row.endedAtMs),
      "uptimeMs": .count(row.uptimeMs(nowMs: nowMs)), "cpuMs": .count(row.usage.cpuMs),
      "memPeakBytes": .count(row.usage.memPeakBytes), "reason": .text(row.reason),
    ]
  }

  func snapshot(_ snapshot: StoredSnapshot) -> JSONValue {
    [
      "id": .string(snapshot.id.text), "sandboxId": .string(snapshot.sandbox.text),
      "runId": .string(snapshot.sandbox.text), "sizeBytes": .count(snapshot.info.sizeBytes),
      "createdAt": TimeText.json(ms: snapshot.createdAtMs),
    ]
  }
}
