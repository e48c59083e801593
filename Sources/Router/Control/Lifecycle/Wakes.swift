internal import Loop
internal import Sandbox

/// Which sandboxes requests are waking, and how long one that would not wake is left alone.
@ControlLoop
final class Wakes {
  private struct Backoff {
    var untilMs: UInt64
    var delayMs: UInt64
  }

  private static let firstDelayMs: UInt64 = 1_000
  private static let lastDelayMs: UInt64 = 30_000

  private var waking: Set<SandboxID> = []
  private var backoffs: [SandboxID: Backoff] = [:]

  nonisolated init() {}

  /// False where it is being woken already, or failed to wake a moment ago.
  func begin(_ id: SandboxID, nowMs: UInt64) -> Bool {
    if let backoff = backoffs[id], nowMs < backoff.untilMs { return false }
    return waking.insert(id).inserted
  }

  func succeeded(_ id: SandboxID) {
    waking.remove(id)
    backoffs[id] = nil
  }

  func failed(_ id: SandboxID, nowMs: UInt64) {
    waking.remove(id)
    let delayMs = min((backoffs[id]?.delayMs ?? Wakes.firstDelayMs / 2) * 2, Wakes.lastDelayMs)
    backoffs[id] = Backoff(untilMs: nowMs + delayMs, delayMs: delayMs)
  }

  /// Those that nobody tried to wake for long.
  func forget(nowMs: UInt64) {
    backoffs = backoffs.filter { nowMs < $0.value.untilMs + Wakes.lastDelayMs }
  }
}
