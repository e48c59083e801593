import Loop
import Router
import Sandbox

/// What one worker has to do with one sandbox: its requests that run or wait here, so that a change can find them, and
/// whether there was traffic.
///
/// Exchanges are in a list through themselves: entering and leaving costs a few stores.
final class SandboxPresence {
  let id: SandboxID
  private unowned(unsafe) var first: Exchange?
  private(set) var count = 0
  /// Requests that wait for the sandbox to run.
  var parked = 0
  /// When the control side was asked to wake it, by the loop's clock; 0 for not yet.
  var wakeAskedMs: UInt64 = 0
  /// There was traffic that counts since the last report.
  var wasActive = false
  /// The pool's buckets of it.
  var keys: ContiguousArray<UpstreamPool.Key> = []

  init(id: SandboxID) { self.id = id }

  var isUnused: Bool { count == 0 && keys.isEmpty }

  func enter(_ exchange: Exchange) {
    exchange.presence = self
    exchange.previousPresent = nil
    exchange.nextPresent = first
    first?.previousPresent = exchange
    first = exchange
    count &+= 1
  }

  func leave(_ exchange: Exchange) {
    if let previous = exchange.previousPresent {
      previous.nextPresent = exchange.nextPresent
    } else {
      first = exchange.nextPresent
    }
    exchange.nextPresent?.previousPresent = exchange.previousPresent
    exchange.nextPresent = nil
    exchange.previousPresent = nil
    exchange.presence = nil
    count &-= 1
  }

  /// All of them now, held: what is done to one may end others.
  func exchanges() -> ContiguousArray<Exchange> {
    var all: ContiguousArray<Exchange> = []
    all.reserveCapacity(count)
    var next = first
    while let exchange = next {
      all.append(exchange)
      next = exchange.nextPresent
    }
    return all
  }

  /// One of those that wait.
  var firstParked: Exchange? {
    var next = first
    while let exchange = next, !exchange.isParked { next = exchange.nextPresent }
    return next
  }

  /// Looks at every request again after a change.
  func recheck() {
    for exchange in exchanges() where exchange.presence === self { exchange.recheck() }
  }

  /// Whether there was traffic since the last time it was asked; requests in flight are traffic, silent streams are not.
  func takeActivity(nowMs: UInt64) -> Bool {
    var isActive = wasActive
    wasActive = false
    var next = first
    while !isActive, let exchange = next {
      isActive = exchange.isActivity(nowMs: nowMs)
      next = exchange.nextPresent
    }
    return isActive
  }
}
