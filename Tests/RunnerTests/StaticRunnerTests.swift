import Bytes
import Sandbox
import Settings
import StaticRunner
import Synchronization
import Testing

@Suite struct StaticRunnerTests {
  static let loopback = SandboxAddress.ip(IPAddress(v4: 0x7F00_0001))

  func sandbox(_ id: String, _ port: UInt16 = 3000) -> ListedSandbox {
    ListedSandbox(id: SandboxID(id)!, address: Self.loopback, exposures: [Exposure(port: port)])
  }

  /// What a runner tells, in order.
  final class Told: Sendable {
    private let events = Mutex<[RunnerEvent]>([])
    var all: [RunnerEvent] { events.withLock { $0 } }
    func add(_ event: RunnerEvent) { events.withLock { $0.append(event) } }
  }

  func options(_ sandboxes: [Value]) -> RunnerOptions {
    RunnerOptions(["sandboxes": .init(content: .list(sandboxes), origin: .nowhere)])
  }

  @Test func startingListsWhatIsConfigured() async throws {
    let runner = StaticRunner([sandbox("b"), sandbox("a")])
    let listed = try await runner.start { _ in }
    #expect(listed == [sandbox("a"), sandbox("b")])
    #expect(runner.kind == "static" && runner.capabilities.isEmpty && runner.reservedPorts.isEmpty)
  }

  @Test func thePluginMakesWhatTheConfigurationSays() async throws {
    let made = try StaticRunnerPlugin().make(options([["id": "a", "ports": [3000]]]))
    let listed = try await made.start { _ in }
    #expect(listed == [sandbox("a")])
    #expect(throws: RunnerOptionsError.self) { try StaticRunnerPlugin().make(options([["id": "A"]])) }
  }

  @Test func aListedSandboxIsFoundAndNoOther() {
    let runner = StaticRunner([sandbox("a")])
    func found(_ id: String) -> RunnerFinding {
      runner.find(KnownSandbox(id: SandboxID(id)!, state: .running, spec: SandboxSpec(image: ""), address: .none))
    }
    #expect(found("a") == .running(Self.loopback))
    #expect(found("b") == .gone(reason: "it is not in the list"))
  }

  @Test func onlyWhatChangedIsTold() async throws {
    let runner = StaticRunner([sandbox("kept"), sandbox("changed"), sandbox("removed")])
    let told = Told()
    _ = try await runner.start { told.add($0) }
    let restart = try await runner.reconfigure(
      options([
        ["id": "changed", "ports": [4000]], ["id": "added", "ports": [3000]], ["id": "kept", "ports": [3000]],
      ]))
    #expect(restart == [])
    #expect(
      told.all == [
        .listed(sandbox("added")), .listed(sandbox("changed", 4000)), .unlisted(SandboxID("removed")!),
      ])
  }

  @Test func theSameListInAnotherOrderIsNoNews() async throws {
    let runner = StaticRunner([])
    let told = Told()
    _ = try await runner.start { told.add($0) }
    let two: Value = ["id": "a", "ports": [3000, 4000]]
    let order: Value = ["id": "a", "ports": [4000, 3000]]
    _ = try await runner.reconfigure(options([two, ["id": "b"]]))
    #expect(told.all.count == 2)
    _ = try await runner.reconfigure(options([["id": "b"], order]))
    #expect(told.all.count == 2)
  }

  @Test func aBadListChangesNothing() async throws {
    let runner = StaticRunner([sandbox("a")])
    let told = Told()
    _ = try await runner.start { told.add($0) }
    await #expect(throws: RunnerError.self) { try await runner.reconfigure(options([["id": "a"], ["id": "a"]])) }
    #expect(told.all.isEmpty)
  }
}
