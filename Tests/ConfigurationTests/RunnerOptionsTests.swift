import Sandbox
import Settings
import StaticRunner
import Testing

@testable import Configuration

/// A runner that nobody outside of this file knows: what it may say about its part of the configuration.
private struct Toy: RunnerPlugin {
  var kind: String { "toy" }
  var keys: [Schema.Key] { [Schema.Key("size"), Schema.Key("delays", .mapping([Schema.Key("create")]))] }

  func check(_ section: Field) -> [ListedSandbox] {
    _ = section["size"].integer(1...9)
    _ = section["delays"]["create"].duration(0...60_000)
    return []
  }

  func make(_ options: RunnerOptions) throws -> any SandboxRunner { StaticRunner([]) }
}

@Suite struct RunnerOptionsTests {
  private let both: [any RunnerPlugin] = [StaticRunnerPlugin(), Toy()]

  private func found(_ yaml: String, _ environment: [String: String] = [:]) -> [String] {
    let folder = TemporaryFolder()
    do {
      _ = try Configuration.load(
        path: folder.write("porthole.yaml", minimal + yaml), environment: environment, runners: both)
      return []
    } catch {
      return error.problems.map { $0.description.replacing("\(folder.path)/", with: "") }
    }
  }

  @Test func aRunnersProblemsStandAmongAllOthers() {
    #expect(
      found("workers: 0\nrunner: {kind: toy, size: 10, delays: {create: soon}}\nlog: {level: loud}") == [
        "porthole.yaml:3:10: workers: expected a whole number from 1 to 1024, found 0",
        "porthole.yaml:4:27: runner.size: expected a whole number from 1 to 9, found 10",
        "porthole.yaml:4:48: runner.delays.create: expected a duration from 0ms to 60s (seconds, or text such as 500ms, 10s, 2m), found \"soon\"",
        "porthole.yaml:5:14: log.level: expected error, warn, info or debug, found \"loud\"",
      ])
  }

  @Test(arguments: [
    ("runner: {kind: toy, sizes: 1}", "3:21: runner.sizes: unknown key; did you mean \"size\"?"),
    ("runner: {kind: toy, sandboxes: []}", "3:21: runner.sandboxes: unknown key; expected one of kind, size, delays"),
    ("runner: {size: 3}", "3:10: runner.size: unknown key; expected one of kind, sandboxes"),
    ("runner: {kind: tyo}", "3:16: runner.kind: expected static or toy, found \"tyo\"; did you mean \"toy\"?"),
    ("runner: {kind: kvm}", "3:16: runner.kind: kvm is not in this build yet; use static or toy"),
    ("runner: {kind: [toy]}", "3:16: runner.kind: expected static or toy, found a list"),
  ]) func aKeyIsKnownToItsRunnerOnly(_ yaml: String, message: String) {
    #expect(found(yaml) == ["porthole.yaml:\(message)"])
  }

  /// Otherwise one slip in the kind would bury itself under complaints about every key that is right.
  @Test func anUnknownKindIsTheOnlyProblem() {
    #expect(found("runner: {kind: docker, size: 3, sandboxes: []}").count == 1)
  }

  @Test func aRunnersKeysHaveVariables() throws {
    let folder = TemporaryFolder()
    let configuration = try Configuration.load(
      path: folder.write("porthole.yaml", minimal),
      environment: ["PORTHOLE_RUNNER_KIND": "toy", "PORTHOLE_RUNNER_SIZE": "7", "PORTHOLE_RUNNER_DELAYS_CREATE": "1s"],
      runners: both)
    #expect(configuration.runner.kind == "toy")
    #expect(configuration.runner.options == RunnerOptions(["size": 7, "delays": ["create": "1s"]]))
    #expect(try configuration.runner.options.read { $0["size"].integer(1...9) } == 7)
  }

  @Test func aVariableMayChangeTheKindThatTheFileNames() {
    #expect(
      found("runner: {kind: toy}", ["PORTHOLE_RUNNER_KIND": "static", "PORTHOLE_RUNNER_SANDBOXES": "[{id: a}]"]) == [])
    #expect(found("runner: {kind: static}", ["PORTHOLE_RUNNER": "{kind: toy, size: 4}"]) == [])
    let size = found("runner: {kind: static}", ["PORTHOLE_RUNNER_SIZE": "4"])
    #expect(size.count == 1)
    #expect(size.first?.hasPrefix("environment variable PORTHOLE_RUNNER_SIZE: no key has this name") == true)
  }

  @Test func withoutAKindTheFirstRunnerIsMeant() throws {
    let folder = TemporaryFolder()
    let configuration = try Configuration.load(
      path: folder.write("porthole.yaml", minimal), environment: [:], runners: [Toy()])
    #expect(configuration.runner.kind == "toy")
  }

  @Test func optionsAreEqualWhereverTheyAreWritten() throws {
    let one = try load(minimal + "runner: {kind: static, sandboxes: [{id: a}]}").runner
    let other = try load(minimal + "# moved\nrunner:\n  sandboxes:\n    - id: 'a'").runner
    #expect(one == other)
    #expect(try one != load(minimal + "runner: {sandboxes: [{id: b}]}").runner)
  }

  @Test func optionsFromCodeAreHeldToTheSameRules() throws {
    let runner = try Configuration.Runner(
      StaticRunnerPlugin(), RunnerOptions(["sandboxes": [["id": "demo", "ports": [3000]]]]))
    #expect(runner.sandboxes.map(\.id.text) == ["demo"])
    #expect(throws: RunnerOptionsError.self) {
      try Configuration.Runner(StaticRunnerPlugin(), RunnerOptions(["sandboxes": [["id": "Demo"]]]))
    }
  }

  @Test func relativePathsOfARunnerStartAtTheFilesFolder() throws {
    let folder = TemporaryFolder(files: ["cert.pem", "key.pem", "image"])
    let runner = try load(minimal + "runner: {sandboxes: []}", in: folder).runner
    let path = try runner.options.read { $0.reading.absolute("image") }
    #expect(path == "\(folder.path)/image")
  }
}
