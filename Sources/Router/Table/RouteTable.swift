internal import Bytes
public import HTTP
public import Sandbox

/// Which upstream a host leads to: an immutable snapshot that workers read without locks.
///
/// A change makes a new table that shares nearly all of its memory with the old one, so it costs the same at a thousand
/// and at a million routes. Whoever holds a table may go on using it; memory goes when the last table that shares it
/// does.
///
/// Whoever lets go last also frees what was replaced. After a large batch that is work for the control side: let it keep
/// the old table until the workers have taken the new one.
///
/// `@unchecked` because tries are made of raw memory: it is written only before a table is handed out, and its holders
/// are counted atomically.
public final class RouteTable: @unchecked Sendable {
  public static let empty = RouteTable(domains: [])

  let domains: DomainList
  /// By id.
  let sandboxes: RouteTrie
  /// By host; a wildcard's key begins with `*.`, which no host does.
  let gateways: RouteTrie

  /// `domains` in any case, with or without a trailing dot.
  public convenience init(domains: [String], changes: [RouteChange] = []) {
    self.init(domains: domains, hash: .random(), changes: changes)
  }

  /// With a hash of the caller's choice: tests make keys collide.
  init(domains: [String], hash: KeyHash, changes: [RouteChange]) {
    let memory = TrieMemory()
    var sandboxes = RouteTrie(hash: hash, memory: memory)
    var gateways = RouteTrie(hash: hash, memory: memory)
    RouteTable.apply(changes, &sandboxes, &gateways)
    self.domains = DomainList(domains)
    self.sandboxes = sandboxes
    self.gateways = gateways
  }

  private init(domains: [String], sandboxes: consuming RouteTrie, gateways: consuming RouteTrie) {
    self.domains = DomainList(domains)
    self.sandboxes = sandboxes
    self.gateways = gateways
  }

  /// Sandboxes and gateway hosts together.
  public var count: Int { sandboxes.count + gateways.count }

  // MARK: The next table

  /// The table after these changes, which are made in their order.
  public func applying(_ changes: [RouteChange]) -> RouteTable {
    var sandboxes = sandboxes.copy()
    var gateways = gateways.copy()
    RouteTable.apply(changes, &sandboxes, &gateways)
    return RouteTable(domains: domains.names, sandboxes: sandboxes, gateways: gateways)
  }

  public func replacingDomains(_ domains: [String]) -> RouteTable {
    RouteTable(domains: domains, sandboxes: sandboxes.copy(), gateways: gateways.copy())
  }

  private static func apply(_ changes: [RouteChange], _ sandboxes: inout RouteTrie, _ gateways: inout RouteTrie) {
    for change in changes {
      switch change {
      case .putSandbox(let record):
        sandboxes.put(record)
      case .removeSandbox(let id):
        var id = id.text
        id.withUTF8 { sandboxes.remove($0) }
      case .putGateway(let host, let target):
        GatewayHost.withKey(host) { key in gateways.put(gateway: target, key: key) }
      case .removeGateway(let host):
        GatewayHost.withKey(host) { key in gateways.remove(key) }
      }
    }
  }

  // MARK: Deciding

  /// Where a request goes. Neither allocates nor locks nor counts references.
  ///
  /// - Parameters:
  ///   - authority: `Host` or `:authority` as the client sent it.
  ///   - target: the request target in origin form (`/path?query`). Of an absolute-form target (RFC 9112 §3.2.2) pass what
  ///     follows the authority, or Porthole's own paths reach the sandbox.
  public func decide(
    authority: UnsafeBufferPointer<UInt8>, target: UnsafeBufferPointer<UInt8>
  ) -> RouteDecision {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: HostName.authorityLengthMax) { scratch in
      guard let host = HostName(authority, scratch: scratch.baseAddress!) else { return .refuse(.badHost) }
      switch place(of: host) {
      case .gateway(let entry):
        guard let upstream = entry.anyTarget else { return .refuse(.notFound) }
        return .forward(upstream, port: entry.gatewayPort)
      case .preview(let label, let entry):
        return RouteTable.decide(label, entry, target)
      case .control:
        return .control
      case .unassigned:
        return .refuse(.notFound)
      case .foreign:
        return .refuse(.misdirected)
      }
    }
  }

  @inline(__always)
  private static func decide(
    _ label: PreviewLabel, _ entry: RouteEntry?, _ target: UnsafeBufferPointer<UInt8>
  ) -> RouteDecision {
    let index = entry?.index(port: label.port)
    if isPortholePath(target) {
      guard entry != nil || SandboxID.isValid(label.id) else { return .refuse(.notFound) }
      guard let entry, let index else { return .porthole(nil, port: label.port) }
      return .porthole(RouteGuard(entry: entry, index: index, port: label.port), port: label.port)
    }
    guard let entry else { return .refuse(.notFound) }
    // Its exposures are gone with it, but whoever knows the id shall know that it is no use to wait.
    if entry.state == .terminated { return .refuse(.terminated) }
    guard let index else { return .refuse(.notFound) }
    if entry.isPlain(index) { return .forward(index < 0 ? entry.anyTarget! : entry.targets[index], port: label.port) }
    return .guarded(RouteGuard(entry: entry, index: index, port: label.port))
  }

  /// Whether the path is `/.porthole` or below it. Compared as it was sent: `/%2eporthole/` is the sandbox's own path,
  /// and a sandbox that decodes it gets nothing of ours by that.
  @inline(__always)
  static func isPortholePath(_ target: UnsafeBufferPointer<UInt8>) -> Bool {
    // The second byte tells nearly all others apart.
    guard target.count >= 10, target[1] == UInt8(ascii: ".") else { return false }
    guard ASCII.equals(UnsafeBufferPointer(rebasing: target[0..<10]), "/.porthole") else { return false }
    return target.count == 10 || target[10] == UInt8(ascii: "/") || target[10] == UInt8(ascii: "?")
  }
}

extension SandboxState {
  /// Why nothing is forwarded to a sandbox in this state; nil where it is.
  public var refusal: Refusal? {
    switch self {
    case .running: nil
    case .creating, .resuming: .starting
    case .pausing, .paused, .hibernating, .hibernated: .paused
    case .terminating, .terminated: .terminated
    // It may yet be started again, so it isn't gone for good (410); nor is it on its way, which pages would wait for.
    case .failed: .dialFailed
    }
  }
}
