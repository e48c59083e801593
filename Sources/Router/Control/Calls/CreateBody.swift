internal import Auth
internal import Sandbox
internal import Store

/// What a new sandbox shall be.
struct CreateBody {
  static let environment = FieldType.map(
    .environmentName, .text(.noNUL("a value", 0...32_768)), countMax: 256)

  static let shape = Shape(
    "CreateSandbox", "",
    [
      .optional("image", .text(.image), "Default: the server's."),
      .defaulting("vcpus", .integer(1...64), to: 1), .defaulting("memMiB", .integer(16...1_048_576), to: 1024),
      .defaulting("diskMiB", .integer(1...4_194_304), to: 4096),
      .defaulting("timeoutSec", .integer(0...31_536_000), to: 0, "Seconds without activity; 0: for ever."),
      .defaulting(
        "onTimeout", .word(IdleAction.allCases.map(\.rawValue)), to: "destroy", "What happens after that time."),
      .optional("networkProfile", .text(.name), "A name from /v1/network-profiles."),
      .optional("ingress", .object(SandboxView.ingressShape)),
      .optional(
        "network",
        .object(
          Shape(
            "Network", "",
            [
              .optional(
                "ingress",
                .object(
                  Shape(
                    "NetworkIngress", "",
                    [
                      .optional(
                        "allowPorts", .list(.integer(1...65535), countMax: 65_535), "The same as `ingress.allowPorts`.")
                    ])))
            ]))),
      .optional("name", .text(.name)), .optional("env", environment, "64 KiB in all."),
      .defaulting("wait", .boolean, to: true, "False: answer at once, while it is being made."),
    ])

  var row: StoredSandbox
  let waits: Bool

  init(_ body: Values, image: String) throws(Problem) {
    var ingress = body.object("ingress").map { Ingress($0) } ?? Ingress()
    if let allowed = body.object("network")?.object("ingress")?.ports("allowPorts") {
      if let other = ingress.allowPorts, other != allowed {
        throw .invalid(
          "network.ingress.allowPorts", "expected the same ports as in ingress.allowPorts, or only one of the two")
      }
      ingress.allowPorts = allowed
    }
    let env = body.map("env") ?? [:]
    guard env.reduce(0, { $0 + $1.key.utf8.count + $1.value.utf8.count }) <= 65_536 else {
      throw .invalid("env", "expected at most 64 KiB of names and values")
    }
    let spec = SandboxSpec(
      image: body.text("image") ?? image, vcpus: body.integer("vcpus") ?? 1, memMiB: body.integer("memMiB") ?? 1024,
      diskMiB: body.integer("diskMiB") ?? 4096, networkProfile: body.text("networkProfile"), env: env)
    guard let id = SandboxID(Secret.makeID("s")) else { preconditionFailure("ids that we make follow the rule") }
    row = StoredSandbox(id: id, name: body.text("name"), spec: spec, ingress: ingress, createdAtMs: 0)
    row.setTimeout(body)
    waits = body.bool("wait") ?? true
  }
}

extension StoredSandbox {
  mutating func setTimeout(_ body: Values) {
    if let seconds = body.integer("timeoutSec") { timeoutSec = seconds == 0 ? nil : seconds }
    if let action = body.text("onTimeout").flatMap(IdleAction.init(rawValue:)) { onIdle = action }
  }
}

extension Ingress {
  init(_ values: Values) {
    self.init(
      mode: values.text("mode").flatMap(Mode.init(rawValue:)) ?? .published, allowPorts: values.ports("allowPorts"),
      wake: values.bool("wake") ?? false)
  }
}

extension Values {
  func ports(_ name: String) -> Set<UInt16>? {
    guard case .array(let elements) = self[name] else { return nil }
    return Set(elements.compactMap { $0.integer.flatMap { UInt16(exactly: $0) } })
  }
}
