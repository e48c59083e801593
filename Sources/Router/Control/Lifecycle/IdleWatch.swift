internal import Loop
internal import Sandbox
internal import Store

/// The idle clocks of running sandboxes that have a timeout.
///
/// Activity only notes the time: the queue holds one look for each sandbox, and a look that comes too early puts the next
/// where the timeout would end now.
@ControlLoop
final class IdleWatch {
  private struct Watched {
    var timeoutMs: UInt64
    var lastActiveMs: UInt64
    /// Commands and transfers under way, which count as activity as long as they last.
    var busy = 0
    /// Tells looks of an earlier watch from this one's.
    var turn: UInt64
  }

  private struct Look: Comparable {
    var atMs: UInt64
    var id: SandboxID
    var turn: UInt64

    static func < (one: Look, other: Look) -> Bool { one.atMs < other.atMs }
  }

  private var watched: [SandboxID: Watched] = [:]
  private var looks = MinHeap<Look>()
  private var turns: UInt64 = 0

  nonisolated init() {}

  /// Begins anew where it runs with a timeout, ends where it does not.
  func follow(_ row: StoredSandbox, nowMs: UInt64) {
    let busy = watched[row.id]?.busy ?? 0
    guard row.state == .running, let seconds = row.timeoutSec, seconds > 0 else {
      watched[row.id] = nil
      return
    }
    turns += 1
    let timeoutMs = UInt64(seconds) * 1000
    watched[row.id] = Watched(timeoutMs: timeoutMs, lastActiveMs: nowMs, busy: busy, turn: turns)
    looks.insert(Look(atMs: nowMs + timeoutMs, id: row.id, turn: turns))
  }

  func active(_ id: SandboxID, nowMs: UInt64) { watched[id]?.lastActiveMs = nowMs }

  func begin(_ id: SandboxID, nowMs: UInt64) {
    watched[id]?.busy += 1
    active(id, nowMs: nowMs)
  }

  func end(_ id: SandboxID, nowMs: UInt64) {
    guard let busy = watched[id]?.busy, busy > 0 else { return }
    watched[id]?.busy = busy - 1
    active(id, nowMs: nowMs)
  }

  var nextLookMs: UInt64? { looks.first?.atMs }
  var count: Int { watched.count }

  /// Those whose timeout has struck. They are looked at again a timeout later, should they still be there.
  func struck(nowMs: UInt64) -> [SandboxID] {
    var struck: [SandboxID] = []
    while let look = looks.first, look.atMs <= nowMs {
      _ = looks.removeFirst()
      guard let known = watched[look.id], known.turn == look.turn else { continue }
      let dueMs = (known.busy > 0 ? nowMs : known.lastActiveMs) + known.timeoutMs
      if dueMs <= nowMs { struck.append(look.id) }
      looks.insert(Look(atMs: dueMs <= nowMs ? nowMs + known.timeoutMs : dueMs, id: look.id, turn: look.turn))
    }
    return struck
  }
}
