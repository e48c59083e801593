internal import Auth
internal import Loop
internal import Sandbox
internal import Store

/// What a call shows of itself.
@ControlLoop
struct Credentials {
  /// API keys, tokens, or anything else, in the order in which they are tried.
  let secrets: [String]

  init(_ call: any APICall) {
    var secrets: [String] = []
    for (name, value) in call.headers {
      if name == "x-porthole-token" { secrets.append(value.trimmingSpaces) }
      if name == "authorization", value.lowercased().hasPrefix("bearer ") {
        secrets.append(value.dropFirst(7).trimmingSpaces)
      }
    }
    // Each costs a hash; nobody needs more than one of either kind.
    self.secrets = Array(secrets.filter { !$0.isEmpty && $0.utf8.count <= 256 }.prefix(4))
  }
}

extension ControlPlane {
  func authenticate(_ call: any APICall, _ route: APIRoute, _ sandbox: SandboxID?) async throws -> Caller {
    let isOwn = route.path.names.contains("id") && route.path.parts.starts(with: [.word("v1"), .word("sandboxes")])
    return try await authenticate(call, access: route.access, isOwn ? sandbox : nil)
  }

  /// - Parameter sandbox: whose token counts; nil where no token does.
  func authenticate(
    _ call: any APICall, access: APIRoute.Access, _ sandbox: SandboxID?
  ) async throws -> Caller {
    if case .anybody = access { return .anybody }
    let secrets = Credentials(call).secrets
    for secret in secrets {
      if let id = apiKeys.id(of: secret, nowMs: nowMs) { return .apiKey(id) }
    }
    guard let sandbox, !secrets.isEmpty, try await hasToken(secrets, sandbox) else { throw Problem.unauthenticated }
    guard case .sandbox = access else {
      throw Problem(403, "auth/forbidden", "a sandbox's own token is not enough for this; it takes an API key")
    }
    return .sandbox(sandbox)
  }

  /// The same work for a sandbox that is not there as for one that is.
  private func hasToken(_ secrets: [String], _ id: SandboxID) async throws -> Bool {
    let row = try await read { try $0.sandbox(id) }
    let credential = row?.endedAtMs == nil ? row?.credential : nil
    let expected = credential?.tokenHash ?? [UInt8](repeating: 0, count: SHA256.byteCount)
    var isGood = false
    for secret in secrets where ConstantTime.equals(SHA256.hash(secret), expected) { isGood = true }
    return isGood && credential != nil
  }
}
