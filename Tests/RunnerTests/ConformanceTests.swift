import Bytes
import MemoryRunner
import RunnerConformance
import Sandbox
import Settings
import StaticRunner
import Testing

/// The suite on each runner, and on runners that break one rule each.
@Suite struct ConformanceTests {
  static func memory(_ options: Value = [:]) -> RunnerUnderTest {
    var subject = RunnerUnderTest { try MemoryRunnerPlugin().make(RunnerOptions(options)) }
    subject.missingImage = "missing:latest"
    subject.commands.listen = { "listen \($0)" }
    subject.commands.unlisten = { "unlisten \($0)" }
    subject.commands.crash = "crash"
    subject.who = { Probe.text("sandbox", in: Probe.get($0, 3000)) }
    return subject
  }

  @Test(
    arguments: [
      [:], ["addresses": ["127.83.0.0/24"]], ["delays": ["create": "20ms", "resume": "20ms", "exec": "5ms"]],
      ["portDelay": "30ms"],
    ] as [Value]) func theMemoryRunnerConforms(_ options: Value) async
  {
    let report = await RunnerConformance.check(Self.memory(options))
    #expect(report.findings == [])
    #expect(report.skipped == ["what is listed is found, running, at the same address"])
    #expect(report.tried.count > 50)
  }

  @Test func theMemoryRunnerConformsWhereItServesNothing() async {
    var subject = Self.memory(["serve": false, "addresses": ["127.84.0.0/24"]])
    subject.who = nil
    #expect(await RunnerConformance.check(subject).findings == [])
  }

  @Test func theMemoryRunnerConformsWhereItForgets() async {
    #expect(await RunnerConformance.check(Self.memory(["forget": true])).findings == [])
  }

  @Test func theStaticRunnerConforms() async {
    let options = RunnerOptions(["sandboxes": [["id": "a", "ports": [3000]], ["id": "b", "address": "127.0.0.2"]]])
    let report = await RunnerConformance.check(RunnerUnderTest { try StaticRunnerPlugin().make(options) })
    #expect(report.findings == [])
    #expect(report.tried.contains("what it cannot do it says it cannot do, and changes nothing"))
  }
}
