internal import Loop
internal import Sandbox

/// One change of a sandbox at a time: what is written first is published first. Different sandboxes don't wait for each
/// other, and nothing is kept of those that nobody changes.
///
/// A lane is held while the store writes, never while a runner works.
@ControlLoop
final class Lanes {
  /// Present while a lane is held, with those who wait for it.
  private var waiting: [SandboxID: [CheckedContinuation<Void, Never>]] = [:]

  func enter(_ id: SandboxID) async {
    if waiting[id] == nil {
      waiting[id] = []
      return
    }
    await withCheckedContinuation { waiting[id, default: []].append($0) }
  }

  func leave(_ id: SandboxID) {
    guard var queue = waiting[id] else { return }
    guard !queue.isEmpty else {
      waiting[id] = nil
      return
    }
    let next = queue.removeFirst()
    waiting[id] = queue
    next.resume()
  }

  var isQuiet: Bool { waiting.isEmpty }
}
