internal import Sandbox

/// Finds the call that a path names.
struct APIRouter: Sendable {
  enum Found: Sendable {
    case route(APIRoute, [String: String])
    case otherMethods([String])
    case nothing
  }

  static let shared = APIRouter(routes: APIRoutes.all)

  let routes: [APIRoute]
  /// By the number of their parts, since a path matches none of another length.
  private let byLength: [Int: [APIRoute]]

  init(routes: [APIRoute]) {
    self.routes = routes
    byLength = Dictionary(grouping: routes) { $0.path.parts.count }
  }

  func find(_ method: String, _ segments: [Substring]) -> Found {
    var methods: [String] = []
    for route in byLength[segments.count] ?? [] {
      guard let texts = route.path.match(segments) else { continue }
      if route.method == method { return .route(route, texts) }
      methods.append(route.method)
    }
    return methods.isEmpty ? .nothing : .otherMethods(methods.sorted())
  }

  /// A path on `<id>.<domain>` as the one that it stands for: `/exec`, `/sandbox/exec` and
  /// `/v1/sandboxes/<id>/exec` are the same there. Nil for paths of anything else.
  static func runtimePath(_ segments: [Substring], of id: SandboxID) -> [Substring]? {
    let own: [Substring] = ["v1", "sandboxes", Substring(id.text)]
    if segments.first == "v1" { return segments.starts(with: own) ? segments : nil }
    var rest = segments
    if rest.first == "sandbox" { rest.removeFirst() }
    if rest == ["info"] { rest = [] }
    return own + rest
  }
}

/// All calls there are.
enum APIRoutes {
  static let all: [APIRoute] =
    IndexCalls.routes + SandboxCalls.routes + LifecycleCalls.routes + CopyCalls.routes + PortCalls.routes
    + LinkCalls.routes + WaitCalls.routes + ExecCalls.routes + ProcessCalls.routes + FileCalls.routes
    + SnapshotCalls.routes + UsageCalls.routes + EventCalls.routes + ExplainCalls.routes + KeyCalls.routes
}
