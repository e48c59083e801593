import Loop
import Sandbox
import Testing

@testable import ControlPlane

@Suite struct FirstTests {
  @Test func aSandboxIsMadeExposedPausedAndEnded() async throws {
    try await onLoop {
      let house = try await House()
      let (id, token) = try await house.make(["image": "python:3.12", "name": "one"])
      #expect(token.hasPrefix("pht_"))
      let exposed = await house.call("POST", "/v1/sandboxes/\(id)/ports", ["port": 3000, "auth": true])
      #expect(exposed.status == 201)
      #expect(exposed.json["url"] == .string("https://3000-\(id).p.test:8443/"))
      let paused = await house.call("POST", "/v1/sandboxes/\(id)/pause")
      #expect(paused.status == 200 && paused.json["status"] == "paused", "\(paused.text)")
      let resumed = await house.call("POST", "/v1/sandboxes/\(id)/resume")
      #expect(resumed.status == 200 && resumed.json["status"] == "running", "\(resumed.text)")
      let ended = await house.call("DELETE", "/v1/sandboxes/\(id)")
      #expect(ended.status == 200 && ended.json["status"] == "terminated", "\(ended.text)")
      #expect(
        try await house.eventTypes(id) == ["created", "exposed", "paused", "resumed", "destroyed"])
      #expect(
        house.workers.states[id] == [
          .creating, .running, .pausing, .paused, .resuming, .running, .terminating, .terminated,
        ])
    }
  }
}
