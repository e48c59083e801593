internal import Bytes
internal import Glibc
internal import Sandbox
internal import Synchronization

/// One sandbox or one gateway host in a trie: what deciding needs, in a single block of memory that never changes.
///
/// A block and not an object, so that reading it can't count references. Behind the header lie, in this order, the
/// targets of exposed ports, those ports in ascending order, the allowed ports in ascending order, and the key:
/// 32 + 10 for each exposure + 2 for each allowed port + the key; 78 bytes for two ports and an id of 26.
///
/// `TrieMemory` counts who holds it and frees it.
struct RouteEntry {
  enum Kind: UInt8 { case published, open, gateway }

  struct Header: ~Copyable {
    let references = Atomic<UInt32>(1)
    let kind: Kind
    let state: SandboxState
    let keyCount: UInt8
    /// Open ingress only: in published mode, exposures that aren't allowed are left out when the entry is made.
    let isLimited: Bool
    let exposureCount: UInt16
    let allowedCount: UInt16
    /// The port of a gateway's endpoint; 0 for a socket path, and for sandboxes.
    let gatewayPort: UInt16
    let hash: UInt64
    /// For ports that no exposure speaks of (open), or for the host (gateway).
    let anyTarget: Unmanaged<UpstreamTarget>?
  }

  let header: UnsafeMutablePointer<Header>

  // MARK: Reading

  var kind: Kind { header.pointee.kind }
  var state: SandboxState { header.pointee.state }
  var hash: UInt64 { header.pointee.hash }
  var anyTarget: Unmanaged<UpstreamTarget>? { header.pointee.anyTarget }
  var gatewayPort: UInt16 { header.pointee.gatewayPort }

  /// What answers on `port` as far as ingress and exposures go, in whatever state the sandbox is; nil if nothing does.
  @inline(__always)
  func target(port: UInt16) -> Unmanaged<UpstreamTarget>? {
    if let index = RouteEntry.index(of: port, in: ports) { return targets[index] }
    guard kind == .open else { return nil }
    if header.pointee.isLimited, RouteEntry.index(of: port, in: allowedPorts) == nil { return nil }
    return anyTarget
  }

  @inline(__always)
  func hasKey(_ key: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Bool {
    header.pointee.hash == hash && Int(header.pointee.keyCount) == key.count
      && memcmp(self.key.baseAddress!, key.baseAddress!, key.count) == 0
  }

  var targets: UnsafeBufferPointer<Unmanaged<UpstreamTarget>> {
    part(at: 0, count: Int(header.pointee.exposureCount))
  }
  var ports: UnsafeBufferPointer<UInt16> {
    part(at: 8 * Int(header.pointee.exposureCount), count: Int(header.pointee.exposureCount))
  }
  var allowedPorts: UnsafeBufferPointer<UInt16> {
    part(at: 10 * Int(header.pointee.exposureCount), count: Int(header.pointee.allowedCount))
  }
  var key: UnsafeBufferPointer<UInt8> {
    part(
      at: 10 * Int(header.pointee.exposureCount) + 2 * Int(header.pointee.allowedCount),
      count: Int(header.pointee.keyCount))
  }

  /// Nil for open ingress without a limit, and for what isn't open.
  var limit: UnsafeBufferPointer<UInt16>? { header.pointee.isLimited ? allowedPorts : nil }

  @inline(__always)
  private func part<T>(at offset: Int, count: Int) -> UnsafeBufferPointer<T> {
    let start = UnsafeRawPointer(header) + MemoryLayout<Header>.stride + offset
    return UnsafeBufferPointer(start: start.assumingMemoryBound(to: T.self), count: count)
  }

  /// Lists are short, but an allowlist may name every port there is.
  @inline(__always)
  private static func index(of port: UInt16, in sorted: UnsafeBufferPointer<UInt16>) -> Int? {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low &+ high) / 2
      if sorted[middle] == port { return middle }
      if sorted[middle] < port { low = middle &+ 1 } else { high = middle }
    }
    return nil
  }

  init(header: UnsafeMutablePointer<Header>) { self.header = header }

  // MARK: Making and freeing

  private init(
    kind: Kind, state: SandboxState, key: UnsafeBufferPointer<UInt8>, hash: UInt64, anyTarget: UpstreamTarget?,
    exposed: [(port: UInt16, target: UpstreamTarget)], allowed: [UInt16]?,
    gatewayPort: UInt16 = 0
  ) {
    let allowedCount = allowed?.count ?? 0
    let size = MemoryLayout<Header>.stride + 10 * exposed.count + 2 * allowedCount + key.count
    let block = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: MemoryLayout<Header>.alignment)
    header = block.bindMemory(to: Header.self, capacity: 1)
    header.initialize(
      to: Header(
        kind: kind, state: state, keyCount: UInt8(key.count), isLimited: allowed != nil,
        exposureCount: UInt16(exposed.count), allowedCount: UInt16(allowedCount), gatewayPort: gatewayPort,
        hash: hash,
        anyTarget: anyTarget.map { .passRetained($0) }))

    UnsafeMutableBufferPointer(mutating: targets).initializeAll(exposed.lazy.map { .passRetained($0.target) })
    UnsafeMutableBufferPointer(mutating: ports).initializeAll(exposed.lazy.map { $0.port })
    UnsafeMutableBufferPointer(mutating: allowedPorts).initializeAll(allowed ?? [])
    UnsafeMutableBufferPointer(mutating: self.key).initializeAll(key)
  }

  /// For `TrieMemory`, when nobody holds the entry any more.
  func destroy() {
    for target in targets { target.release() }
    anyTarget?.release()
    header.deinitialize(count: 1)
    UnsafeMutableRawPointer(header).deallocate()
  }
}

extension RouteEntry {
  init(_ record: SandboxRecord, key: UnsafeBufferPointer<UInt8>, hash: UInt64) {
    let isOpen = record.ingress.mode == .open
    var byTreatment: [Treatment: UpstreamTarget] = [:]
    func target(_ treatment: Treatment) -> UpstreamTarget {
      if let known = byTreatment[treatment] { return known }
      let made = UpstreamTarget(
        generation: record.generation, sandboxID: record.id.text, endpoint: record.address.endpointOfAnyPort,
        hostPolicy: treatment.host, upstreamProtocol: treatment.upstream)
      byTreatment[treatment] = made
      return made
    }

    var exposed: [UInt16: UpstreamTarget] = [:]
    for exposure in record.exposures where record.ingress.allows(exposure.port) {
      guard isOpen || Exposure.ports.contains(exposure.port) else { continue }
      exposed[exposure.port] = target(Treatment(host: exposure.host, upstream: exposure.upstream))
    }
    self.init(
      kind: isOpen ? .open : .published, state: record.state, key: key, hash: hash,
      anyTarget: isOpen ? target(Treatment(host: .public, upstream: .http1)) : nil,
      exposed: exposed.sorted { $0.key < $1.key }.map { (port: $0.key, target: $0.value) },
      allowed: isOpen ? record.ingress.allowPorts.map { ports in ports.filter { $0 != 0 }.sorted() } : nil)
  }

  init(gateway target: UpstreamTarget, key: UnsafeBufferPointer<UInt8>, hash: UInt64) {
    var port: UInt16 = 0
    if case .tcp(let address) = target.endpoint { port = address.port }
    self.init(
      kind: .gateway, state: .running, key: key, hash: hash, anyTarget: target, exposed: [], allowed: nil,
      gatewayPort: port)
  }

  /// What two exposures of one sandbox have to agree in to share a target: most sandboxes then have only one.
  private struct Treatment: Hashable {
    let host: HostPolicy
    let upstream: UpstreamProtocol
  }
}

extension UnsafeMutableBufferPointer {
  /// The sizes were added up from the same collections: a difference is our own mistake, and would leave raw memory
  /// behind.
  fileprivate func initializeAll(_ elements: some Collection<Element>) {
    let written = initialize(fromContentsOf: elements)
    precondition(written == count)
  }
}
