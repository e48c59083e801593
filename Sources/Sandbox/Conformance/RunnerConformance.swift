internal import Sandbox

/// The rules that every `SandboxRunner` is held to, whatever it is made of.
///
/// What a runner cannot do, by its capabilities, is not asked of it, but it has to say so in the right words.
public enum RunnerConformance {
  /// A rule that a runner broke.
  public struct Finding: Hashable, Sendable, CustomStringConvertible {
    /// The sentence that does not hold.
    public var rule: String
    public var detail: String
    public var description: String { "\(rule): \(detail)" }
  }

  public struct Report: Sendable {
    /// Empty where the runner conforms.
    public var findings: [Finding] = []
    /// The rules that were tried, so that a test can see that there were any.
    public var tried: [String] = []
    /// Those that the runner's capabilities, or the description of it, leave out.
    public var skipped: [String] = []
  }

  /// Tries every rule, one after another, each with sandboxes of its own.
  /// - Parameter only: the names of those to try, if not all.
  public static func check(_ subject: RunnerUnderTest, only: Set<String>? = nil) async -> Report {
    var report = Report()
    do {
      let bench = try await Bench.start(subject)
      for rule in rules where only?.contains(rule.name) != false {
        guard rule.needs.isSubset(of: bench.runner.capabilities), rule.applies(bench) else {
          report.skipped.append(rule.name)
          continue
        }
        report.tried.append(rule.name)
        do {
          try await rule.check(bench)
        } catch {
          report.findings.append(Finding(rule: rule.name, detail: "\(error)"))
        }
        await bench.clean(&report, rule.name)
      }
      await bench.runner.stop()
    } catch {
      report.findings.append(Finding(rule: "a runner can be made and started", detail: "\(error)"))
    }
    return report
  }

  static var rules: [Rule] {
    beginning + life + waking + limits + commands + processes + files + copies + unsupported + restarts
  }
}

/// One sentence about runners, and how to find out whether it holds.
struct Rule: Sendable {
  let name: String
  let needs: Set<RunnerCapability>
  /// Beyond capabilities: whether the description of the runner has what it takes.
  var applies: @Sendable (Bench) -> Bool = { _ in true }
  /// Throws where it does not hold.
  let check: @Sendable (Bench) async throws -> Void

  init(
    _ name: String, _ needs: Set<RunnerCapability> = [],
    if applies: @escaping @Sendable (Bench) -> Bool = { _ in true },
    _ check: @escaping @Sendable (Bench) async throws -> Void
  ) {
    self.name = name
    self.needs = needs
    self.applies = applies
    self.check = check
  }
}

/// Why a rule does not hold.
struct Broken: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

func expect(_ holds: Bool, _ otherwise: @autoclosure () -> String) throws {
  if !holds { throw Broken(otherwise()) }
}

func expectEqual<Value: Equatable>(_ found: Value, _ wanted: Value, _ what: String) throws {
  if found != wanted { throw Broken("\(what) should be \(wanted), and is \(found)") }
}
