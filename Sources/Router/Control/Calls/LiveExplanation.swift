internal import Auth
internal import Bytes
internal import Sandbox
internal import Store

/// What is tried along with the URL.
struct Tried: Sendable {
  let secret: String?
  let client: IPAddress
  let method: String
}

/// Why a URL works or fails by what the store knows now.
struct LiveExplanation {
  enum Outcome: String {
    case passed, note, refused
  }

  let url: String
  private var steps: [(name: String, outcome: Outcome, detail: String)] = []
  private var own: (status: Int?, error: String?)?

  init(url: String) { self.url = url }

  mutating func pass(_ name: String, _ detail: String) { steps.append((name, .passed, detail)) }
  mutating func note(_ name: String, _ detail: String) { steps.append((name, .note, detail)) }

  mutating func refuse(_ name: String, _ status: Int, _ error: String, _ detail: String) {
    steps.append((name, .refused, detail))
    // The first refusal is the answer; what follows says what else is in the way.
    if own == nil { own = (status, error) }
  }

  /// Porthole answers by itself.
  mutating func answer(_ status: Int?, _ error: String?) { own = (status, error) }

  var json: JSONValue {
    [
      "url": .string(url), "forwarded": .bool(own == nil), "status": own?.status.map { .count($0) } ?? .null,
      "error": .text(own?.error),
      "steps": .array(
        steps.map {
          ["name": .string($0.name), "outcome": .string($0.outcome.rawValue), "detail": .string($0.detail)]
        }),
    ]
  }
}

extension LiveExplanation {
  mutating func judge(
    _ row: StoredSandbox, _ exposure: StoredExposure?, port: UInt16, exposed: Int, reserved: Set<UInt16>, _ tried: Tried
  ) {
    pass("sandbox", "\(row.id) is \(row.state.rawValue), ingress \(row.ingress.mode.rawValue)")
    if row.endedAtMs != nil {
      refuse("lifecycle", 410, "lifecycle/terminated", "it has ended, for good\(row.reason.map { ": \($0)" } ?? "")")
      return
    }
    guard judgePort(row, exposure, port, exposed: exposed, reserved: reserved) else { return }
    if let exposure { judgeCredential(row, exposure.exposure, tried) }
    judgeLifecycle(row, wake: exposure?.exposure.wake ?? row.ingress.wake)
    if own == nil {
      let spoken = exposure?.exposure.upstream.rawValue ?? "http"
      let endpoint = row.address.endpointOfAnyPort.resolved(port: port)
      pass("upstream", "\(spoken) to \(endpoint); where nothing listens there, the answer is 502 dial/port-closed")
    }
  }

  private mutating func judgePort(
    _ row: StoredSandbox, _ exposure: StoredExposure?, _ port: UInt16, exposed: Int, reserved: Set<UInt16>
  ) -> Bool {
    if reserved.contains(port) {
      refuse("port", 404, "route/not-found", "port \(port) is the runner's own")
    } else if !row.ingress.allows(port) {
      refuse("port", 404, "route/not-found", "port \(port) is not among the sandbox's allowPorts")
    } else if exposure == nil, row.ingress.mode == .published {
      refuse(
        "port", 404, "route/not-found",
        "port \(port) is not exposed; \(exposed == 0 ? "no port is" : "\(exposed) others are")")
    } else {
      pass("port", exposure == nil ? "port \(port) answers, as ingress is open" : "port \(port) is exposed")
      return true
    }
    return false
  }

  private mutating func judgeCredential(_ row: StoredSandbox, _ exposure: Exposure, _ tried: Tried) {
    if !exposure.allowIPs.isEmpty {
      let blocks = exposure.allowIPs.map(\.description).joined(separator: ", ")
      if exposure.allowIPs.contains(where: { $0.contains(tried.client) }) {
        pass("address", "your address, \(tried.client), is in \(blocks)")
      } else {
        refuse("address", 403, "auth/forbidden", "your address, \(tried.client), is not in \(blocks)")
      }
    }
    guard exposure.auth == .token else {
      pass("credential", "the port asks for none")
      return
    }
    let secret = tried.secret.map { text in
      text.lowercased().hasPrefix("bearer ") ? text.dropFirst(7).trimmingSpaces : text.trimmingSpaces
    }
    guard let secret else {
      refuse(
        "credential", 401, "auth/unauthenticated", "the port asks for the sandbox's token, and none was tried here")
      return
    }
    if let credential = row.credential, ConstantTime.equals(SHA256.hash(secret), credential.tokenHash) {
      pass("credential", "the token is the sandbox's own")
    } else {
      refuse("credential", 401, "auth/unauthenticated", "this is not the sandbox's token, or not any more")
    }
  }

  private mutating func judgeLifecycle(_ row: StoredSandbox, wake: Bool) {
    switch row.state {
    case .running: pass("lifecycle", "it is running")
    case .creating, .resuming: note("lifecycle", "it is on its way: requests wait for it")
    case .pausing, .paused, .hibernating, .hibernated:
      if wake {
        note("lifecycle", "it sleeps, and a request resumes it")
      } else {
        refuse("lifecycle", 503, "lifecycle/paused", "it sleeps, and the port says wake: false; resume it")
      }
    case .failed:
      refuse("lifecycle", 502, "dial/unreachable", "it failed\(row.reason.map { ": \($0)" } ?? ""); resume it")
    case .terminating, .terminated: refuse("lifecycle", 410, "lifecycle/terminated", "it is ending, for good")
    }
  }
}
