import Bytes
import MemoryRunner
import RunnerConformance
import Sandbox
import Synchronization
import Testing

/// A suite that finds nothing proves nothing: each of these runners breaks one rule, and is found out.
@Suite struct MutantTests {
  /// The rules of those given that a changed runner is found to break.
  static func findings(
    _ rules: Set<String>, _ make: @escaping @Sendable (any SandboxRunner) -> Changed
  ) async -> Set<String> {
    let original = ConformanceTests.memory()
    var subject = original
    subject.grace = .milliseconds(700)
    subject.patience = .seconds(5)
    subject.make = { make(try await original.make()) }
    let unchanged = await RunnerConformance.check(original, only: rules)
    #expect(Set(unchanged.tried) == rules && unchanged.findings.isEmpty, "the runner that is changed breaks none")
    return Set(await RunnerConformance.check(subject, only: rules).findings.map(\.rule))
  }

  @Test func aRunnerThatPausesOnlyOnce() async {
    let rules: Set = ["a paused sandbox is paused by being asked again"]
    let found = await Self.findings(rules) { inner in
      let paused = Mutex<Set<SandboxID>>([])
      let mutant = Changed(inner)
      mutant.onPause = { id in
        let isNew = paused.withLock { $0.insert(id).inserted }
        return isNew ? nil : .conflict("it is paused")
      }
      return mutant
    }
    #expect(found == rules)
  }

  @Test func aRunnerThatPausesNothing() async {
    let rules: Set = [
      "nothing answers on the ports of a paused sandbox until it is resumed",
      "nothing is done inside of a paused sandbox",
    ]
    let found = await Self.findings(rules) { inner in
      let mutant = Changed(inner)
      mutant.pauses = false
      return mutant
    }
    #expect(found == rules)
  }

  @Test func aRunnerThatDestroysNothing() async {
    let rules: Set = ["a destroyed sandbox is gone for every verb"]
    let found = await Self.findings(rules) { inner in
      let mutant = Changed(inner)
      mutant.destroys = false
      return mutant
    }
    #expect(found == rules)
  }

  @Test func aRunnerThatGivesOneAddressToAll() async {
    let rules: Set = ["no two sandboxes have the same address"]
    let found = await Self.findings(rules) { inner in
      let first = Mutex<SandboxAddress?>(nil)
      let mutant = Changed(inner)
      mutant.onAddress = { address in
        first.withLock { first in
          if first == nil { first = address }
          return first ?? address
        }
      }
      return mutant
    }
    #expect(found == rules)
  }

  @Test func aRunnerThatKnowsNoDeadlines() async {
    let rules: Set = [
      "create gives up at once where the deadline has passed, and can be asked again",
      "a command is ended at its deadline, and the sandbox goes on",
    ]
    let found = await Self.findings(rules) { inner in
      let mutant = Changed(inner)
      mutant.onDeadline = { max($0, .after(.seconds(2))) }
      return mutant
    }
    #expect(found == rules)
  }

  @Test func aRunnerThatLosesAByte() async {
    let rules: Set = ["a file is read as it was written, whatever is in it"]
    let found = await Self.findings(rules) { inner in
      let mutant = Changed(inner)
      mutant.onBytes = { Array($0.map { $0 == 0x0D ? 0x0A : $0 }) }
      return mutant
    }
    #expect(found == rules)
  }

  @Test func aRunnerThatMixesTheStreams() async {
    let rules: Set = ["output comes on the stream that it was written to"]
    let found = await Self.findings(rules) { inner in
      let mutant = Changed(inner)
      mutant.onOutput = { piece in
        if case .stderr(let bytes) = piece { return .stdout(bytes) }
        return piece
      }
      return mutant
    }
    #expect(found == rules)
  }

  @Test func aRunnerThatClaimsTooLittleAndRefusesNothing() async {
    let rules: Set = ["what it cannot do it says it cannot do, and changes nothing"]
    let found = await Self.findings(rules) { inner in
      let mutant = Changed(inner)
      mutant.capabilities = inner.capabilities.subtracting([.fork])
      return mutant
    }
    #expect(found == rules)
  }

  @Test func aRunnerThatNamesTheWrongCapability() async {
    let rules: Set = ["what it cannot do it says it cannot do, and changes nothing"]
    let found = await Self.findings(rules) { inner in
      let mutant = Changed(inner)
      mutant.capabilities = inner.capabilities.subtracting([.pause])
      mutant.onPause = { _ in .unsupported(.hibernate) }
      return mutant
    }
    #expect(found == rules)
  }

  @Test func aRunnerThatWakesEverybodyAtARestart() async {
    let rules: Set = ["a paused sandbox does not run because of a restart"]
    let found = await Self.findings(rules) { inner in
      let mutant = Changed(inner)
      mutant.onFind = { finding in
        if case .paused(let address) = finding { return .running(address) }
        return finding
      }
      return mutant
    }
    #expect(found == rules)
  }

  @Test func aRunnerThatRunsOneCommandAtATime() async {
    let rules: Set = ["commands in one sandbox run beside one another", "sandboxes do not wait for each other"]
    let found = await Self.findings(rules) { inner in
      let mutant = Changed(inner)
      mutant.oneAtATime = true
      return mutant
    }
    #expect(found == rules)
  }
}
