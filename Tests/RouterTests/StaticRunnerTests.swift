import Bytes
import Sandbox
import StaticRunner
import Testing

@Suite struct StaticRunnerTests {
  func sandbox(_ id: String, _ port: UInt16 = 3000) -> StaticSandbox {
    StaticSandbox(id: SandboxID(id)!, address: IPAddress(v4: 0x7F00_0001), exposures: [Exposure(port: port)])
  }

  @Test func configuredSandboxesAreRunning() throws {
    let runner = StaticRunner([sandbox("a"), sandbox("b")])
    let records = runner.sandboxes().sorted { $0.id.text < $1.id.text }
    #expect(records.map(\.id.text) == ["a", "b"])
    #expect(records.allSatisfy { $0.state == .running && $0.generation > 0 })
    #expect(records[0].generation != records[1].generation)
    #expect(runner.kind == "static" && runner.capabilities.isEmpty && runner.reservedPorts.isEmpty)
  }

  @Test func aListedSandboxIsFoundAndNoOther() {
    let runner = StaticRunner([sandbox("a")])
    func found(_ id: String) -> RunnerFinding {
      runner.find(
        KnownSandbox(id: SandboxID(id)!, state: .running, spec: SandboxSpec(image: ""), address: .none))
    }
    #expect(found("a") == .running(.ip(loopback)))
    #expect(found("b") == .gone(reason: "it is not in the list"))
  }

  @Test func theSameListChangesNothing() {
    let exposures = [Exposure(port: 3000), Exposure(port: 4000)]
    var a = sandbox("a")
    a.exposures = exposures
    let runner = StaticRunner([a, sandbox("b")])
    let before = Set(runner.sandboxes())
    a.exposures = exposures.reversed()
    #expect(runner.reload([sandbox("b"), a]).isEmpty)
    #expect(Set(runner.sandboxes()) == before)
  }

  @Test func aReloadNamesWhatIsDifferentAndNothingElse() throws {
    let runner = StaticRunner([sandbox("kept"), sandbox("changed"), sandbox("removed")])
    func generation(_ id: String) -> UInt64? { runner.sandboxes().first { $0.id.text == id }?.generation }
    let (kept, changed) = (generation("kept"), generation("changed"))

    let difference = runner.reload([sandbox("added"), sandbox("kept"), sandbox("changed", 4000)])
    #expect(difference.added.map(\.id.text) == ["added"])
    #expect(difference.changed.map(\.id.text) == ["changed"])
    #expect(difference.removed.map(\.text) == ["removed"])
    #expect(difference.changed[0].exposures.map(\.port) == [4000])
    #expect(generation("kept") == kept)
    #expect(generation("changed") != changed)
    #expect(generation("changed") == difference.changed[0].generation)
    #expect(generation("removed") == nil)
  }

  @Test func aSandboxThatComesBackIsAnotherOne() {
    let runner = StaticRunner([sandbox("a")])
    let first = runner.sandboxes()[0].generation
    _ = runner.reload([])
    #expect(runner.sandboxes().isEmpty)
    #expect(runner.reload([sandbox("a")]).added[0].generation != first)
  }

  @Test(arguments: [
    ("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("::1", "::1"), ("example.test", nil), ("", nil),
  ])
  func addressesAreNumbersOrLocalhost(text: String, expected: String?) {
    #expect(StaticSandbox.address(from: text)?.description == expected)
  }

  @Test func generationsAreNeverReused() {
    let taken = (0..<1000).map { _ in Generation.next() }
    #expect(Set(taken).count == 1000 && !taken.contains(0))
  }
}
