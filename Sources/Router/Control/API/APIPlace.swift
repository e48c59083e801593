internal import Loop
internal import Sandbox

/// Where a call came in: on the listener, on `api.<domain>`, or on a sandbox's own host.
struct APIPlace {
  /// The sandbox whose host it is; nil elsewhere.
  let sandbox: SandboxID?
  /// The path's segments as those of a call on the listener; nil where it can be none.
  let segments: [Substring]?

  @ControlLoop
  init(_ call: any APICall, domains: [String]) throws(Problem) {
    let given = call.path.split(separator: "/", omittingEmptySubsequences: false)
    guard call.path.hasPrefix("/") else { throw .notFound("a path begins with /") }
    // The slash in front, and one at the end, make empty segments; any other would be a second spelling.
    var parts = given.dropFirst()
    if parts.last == "" { parts.removeLast() }
    let plain = parts.contains("") ? nil : Array(parts)

    sandbox = call.isOnListener ? nil : APIPlace.sandbox(call.host, domains)
    guard let sandbox else {
      segments = plain
      return
    }
    segments = plain.flatMap { APIRouter.runtimePath($0, of: sandbox) }
  }

  /// Nil for `api.<domain>`, and for hosts that are none of ours, which do not come here.
  private static func sandbox(_ host: String, _ domains: [String]) -> SandboxID? {
    guard let domain = domains.first(where: { host.hasSuffix("." + $0) }) else { return nil }
    let label = host.dropLast(domain.utf8.count + 1)
    return label == "api" ? nil : SandboxID(String(label))
  }

  /// Where pages about the server itself are.
  var isPublic: Bool { sandbox == nil }
}
