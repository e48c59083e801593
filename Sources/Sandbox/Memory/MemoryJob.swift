internal import Sandbox
internal import Synchronization

/// A command that runs or has run in a sandbox: one of `exec`, or a background process with its log.
final class MemoryJob: Sendable {
  private struct State {
    var signal: Int32?
    var ignoresTerm = false
    var status: ExecStatus?
    var log: [ExecOutput] = []
    var logBytes = 0
    /// How many pieces were dropped from the front of `log`.
    var dropped = 0
  }

  /// The oldest goes first.
  private static let logBytesMax = 1 << 20
  private static let logPiecesMax = 4096

  let pid: Int
  let command: String
  let startedAtMs: UInt64
  private let state = Mutex(State())

  init(pid: Int, command: String, startedAtMs: UInt64) {
    self.pid = pid
    self.command = command
    self.startedAtMs = startedAtMs
  }

  var info: ProcessInfo { ProcessInfo(pid: pid, command: command, startedAtMs: startedAtMs, status: status) }
  var status: ExecStatus? { state.withLock { $0.status } }
  /// The signal that it has to end by.
  var signal: Int32? { state.withLock { $0.signal } }

  /// The first counts, but nothing stops a SIGKILL.
  func send(_ number: Int32) {
    state.withLock { state in
      if number == 15, state.ignoresTerm { return }
      if state.signal == nil || number == 9 { state.signal = number }
    }
  }

  func ignoreTerm() { state.withLock { $0.ignoresTerm = true } }

  func end(_ status: ExecStatus) {
    state.withLock { state in
      if state.status == nil { state.status = status }
    }
  }

  func log(_ output: ExecOutput) {
    state.withLock { state in
      state.log.append(output)
      state.logBytes += output.bytes.count
      while state.logBytes > MemoryJob.logBytesMax || state.log.count > MemoryJob.logPiecesMax, state.log.count > 1 {
        state.logBytes -= state.log.removeFirst().bytes.count
        state.dropped += 1
      }
    }
  }

  /// What was logged from piece `index` on, and whether more may come.
  func log(from index: Int) -> (pieces: [ExecOutput], next: Int, isOver: Bool) {
    state.withLock { state in
      let skipped = max(0, min(index - state.dropped, state.log.count))
      return (Array(state.log[skipped...]), state.dropped + state.log.count, state.status != nil)
    }
  }
}

extension ExecOutput {
  var bytes: [UInt8] {
    switch self {
    case .stdout(let bytes), .stderr(let bytes): bytes
    }
  }
}
