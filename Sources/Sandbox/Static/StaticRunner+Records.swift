public import Sandbox

// What a server asks for that knows this runner by name and makes the routes itself, without a control plane between.

public typealias StaticSandbox = ListedSandbox

extension ListedSandbox {
  public init(_ listed: ListedSandbox) { self = listed }
}

extension StaticRunner {
  /// Every sandbox there is now, under a fresh generation.
  public func sandboxes() -> [SandboxRecord] { listedNow.map(SandboxRecord.init(starting:)) }

  /// Takes a newly loaded list and says what is different, in the order of the ids.
  public func reload(_ sandboxes: [ListedSandbox]) -> SandboxDifference {
    let known = Set(listedNow.map(\.id))
    var difference = SandboxDifference()
    for event in replaceList(by: sandboxes) {
      switch event {
      case .listed(let sandbox) where known.contains(sandbox.id):
        difference.changed.append(SandboxRecord(starting: sandbox))
      case .listed(let sandbox): difference.added.append(SandboxRecord(starting: sandbox))
      case .unlisted(let id): difference.removed.append(id)
      default: break
      }
    }
    return difference
  }
}

/// What a reload changed. Sandboxes that stayed as they were are in none of the lists.
public struct SandboxDifference: Equatable, Sendable {
  public var added: [SandboxRecord] = []
  /// As they are now, under a fresh generation.
  public var changed: [SandboxRecord] = []
  public var removed: [SandboxID] = []
}

extension SandboxRecord {
  fileprivate init(starting sandbox: ListedSandbox) {
    self.init(
      id: sandbox.id, generation: Generation.next(), state: .running, address: sandbox.address,
      ingress: sandbox.ingress, exposures: sandbox.exposures)
  }
}
