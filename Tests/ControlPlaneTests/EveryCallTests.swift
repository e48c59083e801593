import Auth
import Bytes
import Loop
import Sandbox
import Testing

@testable import ControlPlane

/// Every call once, as its users make it. `House` holds each answer to the shape that the OpenAPI document promises.
@Suite struct EveryCallTests {
  @Test func everyCallAnswersAsItsDescriptionSays() async throws {
    try await onLoop {
      var hooks = ControlHooks()
      hooks.probe = OpenPorts([3000])
      let house = try await House(hooks: hooks)
      let done = try await EveryCallTests.tour(house)
      let names = Set(APIRoutes.all.map(\.name))
      #expect(names.subtracting(done).isEmpty, "not called: \(names.subtracting(done).sorted())")
      #expect(done.isSubset(of: names))
    }
  }

  /// Returns the names of the calls that it made.
  @ControlLoop
  static func tour(_ house: House) async throws -> Set<String> {
    var done: Set<String> = []
    @ControlLoop func go(
      _ method: String, _ target: String, _ body: JSONValue? = nil, _ status: Int = 200
    ) async throws -> Answer {
      let call = house.prepared(method, target, body)
      let place = try APIPlace(call, domains: [])
      guard case .route(let route, _) = APIRouter.shared.find(method, place.segments ?? []) else {
        Issue.record("no route for \(method) \(target)")
        return await house.answer(to: call)
      }
      done.insert(route.name)
      let answer = await house.answer(to: call)
      #expect(answer.status == status, "\(method) \(target): \(answer.text)")
      return answer
    }

    for path in ["/", "/openapi.json", "/v1/openapi.json", "/v1/network-profiles"] { _ = try await go("GET", path) }
    let made = try await go("POST", "/v1/sandboxes", ["image": "python:3.12"], 201)
    let id = try #require(made.json["id"]?.text)
    let own = "/v1/sandboxes/\(id)"
    for path in ["/v1/sandboxes", own] { _ = try await go("GET", path) }
    _ = try await go("POST", own + "/timeout", ["seconds": 900])
    _ = try await go("POST", own + "/token/rotate")

    _ = try await go("POST", own + "/ports", ["port": 3000, "auth": "token"], 201)
    for path in ["/ports", "/ports/3000", "/ports/3000/links"] { _ = try await go("GET", own + path) }
    let link = try await go("POST", own + "/ports/3000/links", ["once": true], 201)
    _ = try await go("DELETE", own + "/ports/3000/links/" + (link.json["id"]?.text ?? ""))
    _ = try await go("POST", own + "/ports/3000/wait", ["mode": "http"])
    _ = try await go("GET", "/v1/explain?url=https://3000-\(id).p.test/")
    _ = try await go("DELETE", own + "/ports/3000")

    _ = try await go("POST", own + "/exec", ["command": "echo"])
    _ = try await go("POST", own + "/processes", ["command": "serve"], 201)
    for path in ["/processes", "/processes/7", "/processes/7/logs"] { _ = try await go("GET", own + path) }
    _ = try await go("DELETE", own + "/processes/7")
    _ = try await go("PUT", own + "/files?path=/a", nil, 201)
    _ = try await go("POST", own + "/files/rename", ["from": "/a", "to": "/b"])
    for path in ["/files?path=/b", "/files/stat?path=/b", "/dir?path=/"] { _ = try await go("GET", own + path) }
    _ = try await go("DELETE", own + "/files?path=/b")

    _ = try await go("POST", own + "/fork", ["count": 2], 201)
    let snapshot = try await go("POST", own + "/snapshots", nil, 201)
    let saved = "/v1/snapshots/" + (snapshot.json["id"]?.text ?? "")
    for path in ["/v1/snapshots", saved] { _ = try await go("GET", path) }
    _ = try await go("POST", saved + "/restore", ["name": "back"], 201)
    _ = try await go("DELETE", saved)

    for verb in ["/pause", "/hibernate", "/resume"] { _ = try await go("POST", own + verb) }
    _ = try await go("DELETE", own)
    for path in ["/v1/usage", "/v1/history", "/v1/events?format=json&after=0"] { _ = try await go("GET", path) }
    let key = try await go("POST", "/v1/keys", ["name": "second"], 201)
    _ = try await go("GET", "/v1/keys")
    _ = try await go("DELETE", "/v1/keys/" + (key.json["id"]?.text ?? ""))
    return done
  }
}

/// Some ports on which something listens, and answers every request with 200.
struct OpenPorts: PortProbe {
  private let ports: Set<UInt16>
  init(_ ports: Set<UInt16>) { self.ports = ports }

  func connect(_ endpoint: Endpoint, deadline: Deadline) async -> Bool {
    guard case .tcp(let address) = endpoint else { return false }
    return ports.contains(address.port)
  }

  func get(_ endpoint: Endpoint, host: String, path: String, deadline: Deadline) async -> Int? {
    await connect(endpoint, deadline: deadline) ? (path == "/missing" ? 404 : 200) : nil
  }
}
