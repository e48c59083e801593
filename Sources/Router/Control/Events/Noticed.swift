internal import Bytes
internal import Loop
internal import Sandbox

/// What workers noticed, gathered for a second and then written at once: refusals and uses of links come as often as
/// clients like, and the store shall not.
@ControlLoop
final class Noticed {
  struct Denial: Hashable, Sendable {
    var sandbox: SandboxID
    var port: UInt16
    var word: String
    var client: IPAddress
  }

  struct Use: Hashable, Sendable {
    var sandbox: SandboxID
    var port: UInt16
    var link: UInt64
    var client: IPAddress
  }

  struct FirstRequest: Hashable, Sendable {
    var sandbox: SandboxID
    var port: UInt16
    var nonce: UInt64
  }

  struct Batch: Sendable {
    var denials: [(Denial, count: Int)] = []
    var uses: [(Use, count: Int, lastMs: UInt64)] = []
    var firstRequests: [FirstRequest] = []
    /// Denials beyond what is written one by one.
    var unwritten = 0

    var isEmpty: Bool { denials.isEmpty && uses.isEmpty && firstRequests.isEmpty && unwritten == 0 }
  }

  /// A second's worth. Whoever tries tokens from many addresses must not push everybody's events out of the feed.
  private static let denialsMax = 64
  private static let usesMax = 4_096

  private var denials: [Denial: Int] = [:]
  private var uses: [Use: (count: Int, lastMs: UInt64)] = [:]
  private var firstRequests: Set<FirstRequest> = []
  private var unwritten = 0

  nonisolated init() {}

  func denied(_ denial: Denial, count: Int) {
    if denials[denial] == nil, denials.count >= Noticed.denialsMax {
      unwritten += count
    } else {
      denials[denial, default: 0] += count
    }
  }

  func used(_ use: Use, nowMs: UInt64) {
    if uses[use] == nil, uses.count >= Noticed.usesMax { return }
    uses[use] = ((uses[use]?.count ?? 0) + 1, nowMs)
  }

  func firstRequest(_ request: FirstRequest) { firstRequests.insert(request) }

  func take() -> Batch {
    defer {
      denials = [:]
      uses = [:]
      firstRequests = []
      unwritten = 0
    }
    return Batch(
      denials: denials.map { ($0.key, $0.value) }, uses: uses.map { ($0.key, $0.value.count, $0.value.lastMs) },
      firstRequests: Array(firstRequests), unwritten: unwritten)
  }
}
