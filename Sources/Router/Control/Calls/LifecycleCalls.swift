internal import Sandbox

/// Putting sandboxes to sleep and waking them.
enum LifecycleCalls {
  static let routes: [APIRoute] = [
    call("pause", "pauseSandbox", "Stops it with its memory kept. What is open to it ends at once.", .pause),
    call("resume", "resumeSandbox", "Lets it go on from where it was paused or hibernated.", .resume),
    call("hibernate", "hibernateSandbox", "Stops it with its memory on disk.", .hibernate),
  ]

  private static func call(
    _ word: String, _ name: String, _ about: String, _ ask: SandboxLifecycle.Ask
  ) -> APIRoute {
    APIRoute(
      "POST", "/v1/sandboxes/{id}/\(word)", name, about + " Nothing happens if it is in that state already.",
      body: .json(Shape("Nothing", "No members.", [])), answers: [(200, .json(SandboxView.shape))],
      errors: [
        "conflict/state", "lifecycle/terminated", "runner/unsupported", "runner/failed", "runner/timeout",
        "limit/exhausted",
      ]
    ) { plane, request in
      let id = try request.path.sandboxID()
      _ = try await plane.ask(ask, id)
      let (nowMs, views) = (plane.nowMs, plane.views)
      return .ok(try await plane.read { tx in try views.sandbox(tx.existing(id), tx, nowMs: nowMs) })
    }
  }
}
