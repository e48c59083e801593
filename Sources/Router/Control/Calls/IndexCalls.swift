internal import Sandbox

/// Where to begin, and what the server says of itself.
enum IndexCalls {
  static let routes: [APIRoute] = [
    APIRoute(
      "GET", "/", "getIndex", "Where to go from here.", access: .anybody,
      answers: [(200, .json(indexShape))]
    ) { plane, _ in
      .ok([
        "service": "porthole", "openapi": "/openapi.json", "sandboxes": "/v1/sandboxes", "events": "/v1/events",
        "runner": .string(plane.runner.kind),
        "capabilities": .list(plane.runner.capabilities.map(\.rawValue).sorted()),
      ])
    },
    document("/openapi.json", "getOpenAPI"),
    document("/v1/openapi.json", "getOpenAPIBelowV1"),
    APIRoute(
      "GET", "/v1/network-profiles", "listNetworkProfiles", "What sandboxes may be allowed to reach.", access: .key,
      answers: [(200, .json(profilesShape))]
    ) { plane, _ in
      let profiles = await plane.runner.networkProfiles()
      return .ok(["networkProfiles": .array(profiles.map(\.json))])
    },
  ]

  private static func document(_ path: String, _ name: String) -> APIRoute {
    APIRoute(
      "GET", path, name, "This description.", access: .anybody, answers: [(200, .json(documentShape))]
    ) { plane, _ in .ok(OpenAPIDocument.json(domains: plane.settings.domains)) }
  }

  private static let indexShape = Shape(
    "Index", "",
    [
      Field("service", .plain), Field("openapi", .plain), Field("sandboxes", .plain), Field("events", .plain),
      Field("runner", .plain),
      Field("capabilities", .list(.plain, countMax: 64), "What the runner can do; the rest is 501."),
    ])

  private static let documentShape = Shape(
    "OpenAPI", "OpenAPI 3.1.",
    [
      Field("openapi", .plain), Field("info", .anything), Field("servers", .anything), Field("security", .anything),
      Field("paths", .anything), Field("components", .anything), Field("tags", .anything),
    ])

  private static let profilesShape = Shape(
    "NetworkProfiles", "",
    [
      Field(
        "networkProfiles",
        .list(
          .object(
            Shape(
              "NetworkProfile", "",
              [
                Field("name", .plain), Field("description", .nullable(.plain)),
                Field("allow", .list(.plain, countMax: .max)), Field("deny", .list(.plain, countMax: .max)),
              ])), countMax: .max))
    ])
}

extension NetworkProfile {
  fileprivate var json: JSONValue {
    ["name": .string(name), "description": .text(description), "allow": .list(allow), "deny": .list(deny)]
  }
}
