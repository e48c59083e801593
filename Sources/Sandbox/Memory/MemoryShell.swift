internal import Sandbox

/// A tiny command interpreter for simulated sandboxes. No program of this machine is ever run by it.
///
/// It knows `;`, `&&`, `||`, quotes, `$NAME`, `$?`, `$$`, `>`, `>>`, `>&2` and the commands in `MemoryShell+Commands`.
struct MemoryShell {
  /// Why a script goes no further.
  enum Stop: Error {
    case exited(Int32)
    case signalled(Int32)
    /// Whoever asked for it does not wait any more.
    case cancelled
    case sandboxEnded
  }

  let sandbox: MemorySandbox
  let job: MemoryJob
  let output: @Sendable (ExecOutput) async -> Void
  var env: [String: String]
  var cwd: String
  var stdin: [UInt8]
  /// Of the last command.
  var status: Int32 = 0
  /// Where the current command's output goes instead of to `output`.
  private var capture: [UInt8]?
  private var isRedirectedToError = false

  /// - Throws: `.invalid` for a working folder that is not there.
  init(
    _ sandbox: MemorySandbox, _ request: ExecRequest, _ job: MemoryJob,
    output: @escaping @Sendable (ExecOutput) async -> Void
  ) throws(RunnerError) {
    self.sandbox = sandbox
    self.job = job
    self.output = output
    env = sandbox.env.merging(request.env) { $1 }
    let folder = try MemoryFiles.absolute(request.cwd ?? MemoryFiles.workFolder, from: "/")
    guard sandbox.withFiles({ $0.isFolder(folder) }) else {
      throw .invalid(field: "cwd", "there is no folder \(folder)")
    }
    cwd = folder
    stdin = request.stdin
  }

  /// Runs the whole of it.
  /// - Throws: `.failed` where the sandbox ended under it, or nobody waits any more.
  mutating func run(_ text: String) async throws(RunnerError) -> ExecStatus {
    do {
      let script = try ShellScript(text)
      for command in script.commands where command.connector.applies(after: status) { try await run(command) }
      return .exited(status)
    } catch let malformed as ShellScript.Malformed {
      await emit(.stderr(Array("sh: \(malformed.reason)\n".utf8)))
      return .exited(2)
    } catch let stop as Stop {
      switch stop {
      case .exited(let code): return .exited(code)
      case .signalled(let number): return .signalled(number)
      case .cancelled: throw .failed("it was cancelled")
      case .sandboxEnded: throw .failed("the sandbox ended while the command ran")
      }
    } catch let error as RunnerError {
      throw error
    } catch {
      throw .failed("\(error)")
    }
  }

  private mutating func run(_ command: ShellScript.Command) async throws {
    try await checkpoint()
    sandbox.countCommand()
    capture = nil
    isRedirectedToError = command.target == .standardError
    var file: (path: String, appends: Bool)?
    if case .file(let word, let appends)? = command.target {
      guard let name = expand(word) else {
        try await complain("an empty file name")
        return
      }
      file = (name, appends)
      capture = []
    }
    let words = command.words.compactMap { expand($0) }
    guard let name = words.first else {
      status = 0
      return
    }
    do {
      status = try await perform(name, Array(words.dropFirst()))
      if let file, let bytes = capture {
        capture = nil
        try save(bytes, to: file.path, appends: file.appends)
      }
    } catch let error as RunnerError {
      // What a runner's caller is told, a script's user reads.
      capture = nil
      try await complain("\(name): \(error)")
    }
  }

  private func save(_ bytes: [UInt8], to path: String, appends: Bool) throws(RunnerError) {
    let path = try MemoryFiles.absolute(path, from: cwd)
    let nowMs = sandbox.nowMs
    try sandbox.withFiles { files throws(RunnerError) in
      let before = appends ? (try? files.read(path)) ?? [] : []
      try files.write(path, before + bytes, mode: nil, nowMs: nowMs)
    }
  }

  /// The word with its variables filled in; nil where nothing is left of one that was not quoted.
  private func expand(_ word: ShellScript.Word) -> String? {
    var text = ""
    for piece in word.pieces {
      switch piece {
      case .literal(let literal): text += literal
      case .variable("?"): text += "\(status)"
      case .variable("$"): text += "\(job.pid)"
      case .variable(let name): text += env[name] ?? ""
      }
    }
    return text.isEmpty && !word.isQuoted ? nil : text
  }

  // MARK: What commands use

  /// Stops here if the script has to end, and waits here while the sandbox is paused.
  func checkpoint() async throws(Stop) {
    while true {
      if Task.isCancelled { throw .cancelled }
      switch sandbox.phase {
      case .running:
        if let number = job.signal { throw .signalled(number) }
        return
      case .failed, .ended: throw .sandboxEnded
      case .paused, .hibernated: try? await Task.sleep(for: .milliseconds(5))
      }
    }
  }

  /// Time that passes only while the sandbox runs.
  func sleep(_ duration: Duration) async throws(Stop) {
    var left = duration
    while left > .zero {
      try await checkpoint()
      let began = ContinuousClock.now
      // Short, so that signals and pauses are noticed soon.
      try? await Task.sleep(for: min(left, .milliseconds(5)))
      left -= ContinuousClock.now - began
    }
    try await checkpoint()
  }

  mutating func write(_ bytes: [UInt8]) async throws(Stop) {
    if capture != nil {
      capture? += bytes
      return
    }
    var rest = bytes[...]
    while !rest.isEmpty {
      try await checkpoint()
      let piece = Array(rest.prefix(65536))
      await emit(isRedirectedToError ? .stderr(piece) : .stdout(piece))
      rest = rest.dropFirst(piece.count)
    }
  }

  mutating func write(_ text: String) async throws(Stop) { try await write(Array(text.utf8)) }

  /// One line to standard error; the command has failed.
  mutating func complain(_ text: String, _ code: Int32 = 1) async throws(Stop) {
    try await checkpoint()
    status = code
    await emit(.stderr(Array("\(text)\n".utf8)))
  }

  private func emit(_ piece: ExecOutput) async { await output(piece) }
}

extension ShellScript.Connector {
  fileprivate func applies(after status: Int32) -> Bool {
    switch self {
    case .always: true
    case .ifDone: status == 0
    case .ifFailed: status != 0
    }
  }
}
