internal import Sandbox
internal import Synchronization

/// A runner that was started, the sandboxes that were made on it, and what it told.
final class Bench: Sendable {
  let subject: RunnerUnderTest
  let runner: any SandboxRunner
  let listed: [ListedSandbox]
  private let told: Told
  private let made = Mutex<[SandboxID]>([])

  /// Ids are never used twice, not even over several runs against the same world.
  private static let series = Mutex<UInt64>(0)
  private static let run = String(UInt32.random(in: .min ... .max), radix: 36)

  private init(_ subject: RunnerUnderTest, _ runner: any SandboxRunner, _ listed: [ListedSandbox], _ told: Told) {
    self.subject = subject
    self.runner = runner
    self.listed = listed
    self.told = told
  }

  static func start(_ subject: RunnerUnderTest) async throws -> Bench {
    try await start(subject, try await subject.make())
  }

  static func start(_ subject: RunnerUnderTest, _ runner: any SandboxRunner) async throws -> Bench {
    let told = Told()
    let listed = try await runner.start { told.add($0) }
    return Bench(subject, runner, listed, told)
  }

  // MARK: Sandboxes

  func newID() -> SandboxID {
    let number = Bench.series.withLock { number in
      number += 1
      return number
    }
    guard let id = SandboxID("c\(Bench.run)-\(number)") else { preconditionFailure("an id of ours is none") }
    made.withLock { $0.append(id) }
    return id
  }

  func create() async throws -> (id: SandboxID, address: SandboxAddress) {
    let id = newID()
    return (id, try await runner.create(id, subject.spec, deadline: ample))
  }

  func create(_ count: Int) async throws -> [(id: SandboxID, address: SandboxAddress)] {
    var sandboxes: [(id: SandboxID, address: SandboxAddress)] = []
    for _ in 0..<count { sandboxes.append(try await create()) }
    return sandboxes
  }

  /// Ends everything that a rule has made.
  func clean(_ report: inout RunnerConformance.Report, _ rule: String) async {
    let ids = made.withLock { made in
      defer { made = [] }
      return made
    }
    guard runner.capabilities.contains(.create) else { return }
    for id in ids {
      do {
        _ = try await runner.destroy(id, deadline: ample)
      } catch {
        report.findings.append(.init(rule: rule, detail: "what it left behind cannot be destroyed: \(error)"))
      }
    }
  }

  // MARK: Time

  /// A deadline that nobody should meet.
  var ample: Deadline { .after(subject.patience) }
  var past: Deadline { Deadline(.now - .seconds(1)) }

  /// Runs `body` and says how long it took.
  func timing(_ body: () async throws -> Void) async rethrows -> Duration {
    let began = ContinuousClock.now
    try await body()
    return .now - began
  }

  // MARK: Errors

  enum Kind: String { case unsupported, notFound, conflict, invalid, exhausted, timedOut, failed }

  /// Runs a verb that has to fail in a certain way.
  func expectError<R>(_ kinds: Kind..., from what: String, _ verb: () async throws(RunnerError) -> R) async throws {
    let words = kinds.map(\.rawValue).joined(separator: " or ")
    do throws(RunnerError) {
      _ = try await verb()
    } catch {
      if !kinds.contains(error.kind) {
        throw Broken("\(what) should throw \(words), and throws \(error.kind): \(error)")
      }
      return
    }
    throw Broken("\(what) should throw \(words), and succeeds")
  }

  // MARK: Commands

  struct Ran: Equatable {
    var status: ExecStatus
    var stdout: [UInt8] = []
    var stderr: [UInt8] = []

    var text: String { String(decoding: stdout, as: UTF8.self) }
  }

  func exec(_ id: SandboxID, _ request: ExecRequest, deadline: Deadline? = nil) async throws(RunnerError) -> Ran {
    let pieces = Pieces()
    let status = try await runner.exec(id, request, deadline: deadline ?? ample) { pieces.add($0) }
    return Ran(status: status, stdout: pieces.stdout, stderr: pieces.stderr)
  }

  func exec(_ id: SandboxID, _ command: String) async throws(RunnerError) -> Ran {
    try await exec(id, ExecRequest(command: command))
  }

  /// That something can be done inside.
  func expectAlive(_ id: SandboxID, _ address: SandboxAddress? = nil) async throws {
    if runner.capabilities.contains(.exec) {
      let ran = try await exec(id, subject.commands.echo("alive"))
      try expectEqual(ran, Ran(status: .exited(0), stdout: Array("alive\n".utf8)), "what echo answers")
    }
    if let who = subject.who, let address {
      var answer: String?
      let end = ContinuousClock.now + subject.patience
      while answer == nil, ContinuousClock.now < end { answer = await who(address) }
      try expectEqual(answer, id.text, "who answers at \(address)")
    }
  }

  // MARK: Files

  func write(_ id: SandboxID, _ path: String, _ bytes: [UInt8], mode: UInt32? = nil, chunk: Int = 65536) async throws {
    let rest = Mutex(bytes[...])
    try await runner.writeFile(id, path: path, mode: mode, deadline: ample) {
      rest.withLock { rest in
        if rest.isEmpty { return nil }
        defer { rest = rest.dropFirst(chunk) }
        return Array(rest.prefix(chunk))
      }
    }
  }

  func read(_ id: SandboxID, _ path: String) async throws(RunnerError) -> [UInt8] {
    let pieces = Pieces()
    try await runner.readFile(id, path: path, deadline: ample) { pieces.add(.stdout($0)) }
    return pieces.stdout
  }

  // MARK: Events

  var events: [RunnerEvent] { told.all }

  /// Waits until the runner has told something.
  func expectEvent(_ what: String, _ matches: (RunnerEvent) -> Bool) async throws {
    let end = ContinuousClock.now + subject.patience
    while !events.contains(where: matches) {
      guard ContinuousClock.now < end else { throw Broken("it does not tell that \(what)") }
      try await Task.sleep(for: .milliseconds(2))
    }
  }
}

/// What a runner tells, in order.
private final class Told: Sendable {
  private let events = Mutex<[RunnerEvent]>([])
  var all: [RunnerEvent] { events.withLock { $0 } }
  func add(_ event: RunnerEvent) { events.withLock { $0.append(event) } }
}

/// Output as it comes.
final class Pieces: Sendable {
  private let pieces = Mutex<[ExecOutput]>([])

  func add(_ piece: ExecOutput) { pieces.withLock { $0.append(piece) } }

  var all: [ExecOutput] { pieces.withLock { $0 } }

  var stdout: [UInt8] {
    all.flatMap { piece in
      guard case .stdout(let bytes) = piece else { return [] as [UInt8] }
      return bytes
    }
  }

  var stderr: [UInt8] {
    all.flatMap { piece in
      guard case .stderr(let bytes) = piece else { return [] as [UInt8] }
      return bytes
    }
  }
}

extension RunnerError {
  var kind: Bench.Kind {
    switch self {
    case .unsupported: .unsupported
    case .notFound: .notFound
    case .conflict: .conflict
    case .invalid: .invalid
    case .exhausted: .exhausted
    case .timedOut: .timedOut
    case .failed: .failed
    }
  }
}
