import Auth
import Foundation
import Loop
import Router
import Sandbox
import Store
import Testing

@testable import ControlPlane

/// A control plane with everything around it, and a client.
@ControlLoop
final class House {
  let store: Store
  let runner: ScriptedRunner
  let workers = FakeDataPlane()
  let clock: TurnedClock
  let plane: ControlPlane
  private(set) var key = ""

  init(
    runner: ScriptedRunner = ScriptedRunner(), store: Store? = nil, clock: TurnedClock? = nil, key: String = "",
    hooks: ControlHooks = ControlHooks(), _ change: (inout ControlSettings) -> Void = { _ in }
  ) async throws {
    self.store = try store ?? Store(.memory)
    self.runner = runner
    self.clock = clock ?? TurnedClock()
    var settings = ControlSettings(domains: ["p.test", "q.test"], httpsPort: 8443)
    change(&settings)
    plane = ControlPlane(
      store: self.store, runner: runner, dataPlane: workers, settings: settings, clock: self.clock, hooks: hooks)
    let first = try await plane.start()
    self.key = first ?? key
  }

  /// The same store and time after the process has ended and begun again.
  func restarted(runner: ScriptedRunner? = nil) async throws -> House {
    try await House(runner: runner ?? self.runner, store: store, clock: clock, key: key)
  }

  // MARK: Calls

  func prepared(
    _ method: String, _ target: String, _ body: JSONValue? = nil, as secret: String? = nil,
    headers: [(name: String, value: String)] = []
  ) -> FakeCall {
    var all = headers
    if secret != "" { all.append(("authorization", "Bearer \(secret ?? key)")) }
    if body != nil { all.append(("content-type", "application/json")) }
    return FakeCall(method, target, headers: all, body: body.map { JSONWriter.text($0) } ?? [])
  }

  @discardableResult
  func call(
    _ method: String, _ target: String, _ body: JSONValue? = nil, as secret: String? = nil,
    headers: [(name: String, value: String)] = [], sourceLocation: SourceLocation = #_sourceLocation
  ) async -> Answer {
    let call = prepared(method, target, body, as: secret, headers: headers)
    await plane.handle(call)
    return Answer(call, sourceLocation)
  }

  /// As it came, with its shape checked against what the OpenAPI document says.
  func answer(to call: FakeCall, sourceLocation: SourceLocation = #_sourceLocation) async -> Answer {
    await plane.handle(call)
    return Answer(call, sourceLocation)
  }

  // MARK: Shorthand

  /// A running sandbox's id and token.
  func make(_ body: JSONValue = .object([])) async throws -> (id: SandboxID, token: String) {
    let answer = await call("POST", "/v1/sandboxes", body)
    try #require(answer.status == 201, "\(answer.text)")
    return (
      try #require(SandboxID(answer.json["id"]?.text ?? "")), try #require(answer.json["token"]?.text)
    )
  }

  func state(_ id: SandboxID) async throws -> SandboxState? { try await store.read { try $0.sandbox(id)?.state } }

  func eventTypes(_ id: SandboxID? = nil) async throws -> [String] {
    try await store.read { try $0.events(after: 0, limit: 100_000) }
      .filter { id == nil || $0.sandbox == id }.map(\.type)
  }
}

/// What came back.
@ControlLoop
struct Answer {
  let status: Int
  let json: JSONValue
  let text: String
  let headers: [(name: String, value: String)]

  init(_ call: FakeCall, _ sourceLocation: SourceLocation) {
    status = call.status ?? 0
    text = call.text
    headers = call.answerHeaders
    json = (try? JSONParser.parse(call.answerBody)) ?? .null
    check(call, sourceLocation)
  }

  /// The word of a problem.
  var error: String? { json["error"]?.text }
  func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
  /// The paths of what was wrong with a body.
  var wrongPaths: [String] {
    guard case .array(let errors) = json["errors"] else { return [] }
    return errors.compactMap { $0["path"]?.text }
  }

  /// Every answer of every test has the shape that the document promises.
  private func check(_ call: FakeCall, _ sourceLocation: SourceLocation) {
    guard status != 0, !(header("content-type") ?? "").hasPrefix("text/") else { return }
    if status >= 400 {
      let problems = ShapeReader.problems(of: json, as: .object(Problem.shape))
      #expect(problems.isEmpty, "\(text)", sourceLocation: sourceLocation)
      #expect(header("porthole-error") == error, sourceLocation: sourceLocation)
      #expect(json["status"] == .count(status), sourceLocation: sourceLocation)
      return
    }
    guard let place = try? APIPlace(call, domains: ["p.test", "q.test"]), let segments = place.segments,
      case .route(let route, _) = APIRouter.shared.find(call.method, segments)
    else { return }
    let shapes = route.answers.compactMap { answer -> Shape? in
      guard answer.status == status, case .json(let shape) = answer.content else { return nil }
      return shape
    }
    guard header("content-type") == "application/json" else { return }
    let found = shapes.map { ShapeReader.problems(of: json, as: .object($0)) }
    #expect(
      found.contains { $0.isEmpty }, "\(route.name): \(found) in \(text)", sourceLocation: sourceLocation)
  }
}
