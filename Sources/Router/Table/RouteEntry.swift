internal import Bytes
internal import Glibc
internal import Sandbox
internal import Synchronization

/// One sandbox or one gateway host in a trie: what deciding needs, in a single block of memory that never changes.
///
/// A block and not an object, so that reading it can't count references. Behind the header lie, in this order: the key,
/// flags for each exposure, the exposed ports in ascending order, for each exposure its target, policy and nonce, the
/// token's epoch and hash if there is a token, and the allowed and the reserved ports in ascending order. That is
/// 48 + 27 for each exposure + 40 for a token + 2 for each allowed or reserved port + the key, and up to 8 for alignment:
/// 168 bytes for two ports, a token and an id of 26. What deciding reads comes first: among a million sandboxes every cache
/// line is a miss.
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
    let reservedCount: UInt16
    let hasCredential: Bool
    let wakesWhenOpen: Bool
    let hash: UInt64
    let generation: UInt64
    /// For ports that no exposure speaks of (open), or for the host (gateway).
    let anyTarget: Unmanaged<UpstreamTarget>?
  }

  // Flags of an exposure.
  static let needsToken: UInt8 = 1
  static let wakes: UInt8 = 2

  let header: UnsafeMutablePointer<Header>

  // MARK: Reading

  var kind: Kind { header.pointee.kind }
  var state: SandboxState { header.pointee.state }
  var hash: UInt64 { header.pointee.hash }
  var generation: UInt64 { header.pointee.generation }
  var anyTarget: Unmanaged<UpstreamTarget>? { header.pointee.anyTarget }
  var gatewayPort: UInt16 { header.pointee.gatewayPort }

  /// Which exposure answers on `port` as far as ingress and exposures go, in whatever state the sandbox is; -1 for open
  /// ingress alone, nil if nothing does.
  @inline(__always)
  func index(port: UInt16) -> Int? {
    if let index = RouteEntry.index(of: port, in: ports) { return index }
    guard kind == .open else { return nil }
    if header.pointee.isLimited, RouteEntry.index(of: port, in: allowedPorts) == nil { return nil }
    return RouteEntry.index(of: port, in: reservedPorts) == nil ? -1 : nil
  }

  /// Whether requests to it are forwarded without any further question.
  @inline(__always)
  func isPlain(_ index: Int) -> Bool {
    state == .running && (index < 0 || flags[index] & RouteEntry.needsToken == 0 && policies[index] == nil)
  }

  @inline(__always)
  func hasKey(_ key: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Bool {
    header.pointee.hash == hash && Int(header.pointee.keyCount) == key.count
      && memcmp(self.key.baseAddress!, key.baseAddress!, key.count) == 0
  }

  private var exposureCount: Int { Int(header.pointee.exposureCount) }
  private var keyCount: Int { Int(header.pointee.keyCount) }
  private var portsOffset: Int { (keyCount &+ exposureCount &+ 1) & ~1 }
  /// Of what has eight bytes.
  private var wordsOffset: Int { (portsOffset &+ 2 &* exposureCount &+ 7) & ~7 }
  private var credentialOffset: Int { wordsOffset &+ 24 &* exposureCount }
  private var allowedOffset: Int { credentialOffset &+ (header.pointee.hasCredential ? 40 : 0) }
  private var reservedOffset: Int { allowedOffset &+ 2 &* Int(header.pointee.allowedCount) }

  var targets: UnsafeBufferPointer<Unmanaged<UpstreamTarget>> { part(at: wordsOffset, count: exposureCount) }
  var policies: UnsafeBufferPointer<Unmanaged<ExposurePolicy>?> {
    part(at: wordsOffset &+ 8 &* exposureCount, count: exposureCount)
  }
  var nonces: UnsafeBufferPointer<UInt64> { part(at: wordsOffset &+ 16 &* exposureCount, count: exposureCount) }
  /// SHA-256 of the token; nil where there is none.
  var credential: UnsafeBufferPointer<UInt8>? {
    header.pointee.hasCredential ? part(at: credentialOffset &+ 8, count: 32) : nil
  }
  /// Of the credential; 0 where there is none.
  var epoch: UInt64 { header.pointee.hasCredential ? part(at: credentialOffset, count: 1)[0] : 0 }
  var ports: UnsafeBufferPointer<UInt16> { part(at: portsOffset, count: exposureCount) }
  var allowedPorts: UnsafeBufferPointer<UInt16> { part(at: allowedOffset, count: Int(header.pointee.allowedCount)) }
  var reservedPorts: UnsafeBufferPointer<UInt16> { part(at: reservedOffset, count: Int(header.pointee.reservedCount)) }
  var flags: UnsafeBufferPointer<UInt8> { part(at: keyCount, count: exposureCount) }
  var key: UnsafeBufferPointer<UInt8> { part(at: 0, count: keyCount) }

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

  private struct Exposed {
    let port: UInt16
    let target: UpstreamTarget
    var policy: ExposurePolicy?
    var nonce: UInt64 = 0
    var flags: UInt8 = 0
  }

  private init(
    kind: Kind, state: SandboxState, key: UnsafeBufferPointer<UInt8>, hash: UInt64, generation: UInt64,
    anyTarget: UpstreamTarget?, exposed: [Exposed] = [], allowed: [UInt16]? = nil, reserved: [UInt16] = [],
    credential: SandboxCredential? = nil, wakesWhenOpen: Bool = false, gatewayPort: UInt16 = 0
  ) {
    let allowedCount = allowed?.count ?? 0
    // Two for the ports' alignment and eight for the words'.
    let size =
      MemoryLayout<Header>.stride + key.count + 27 * exposed.count + (credential == nil ? 0 : 40)
      + 2 * (allowedCount + reserved.count) + 10
    let block = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: MemoryLayout<Header>.alignment)
    header = block.bindMemory(to: Header.self, capacity: 1)
    header.initialize(
      to: Header(
        kind: kind, state: state, keyCount: UInt8(key.count), isLimited: allowed != nil,
        exposureCount: UInt16(exposed.count), allowedCount: UInt16(allowedCount), gatewayPort: gatewayPort,
        reservedCount: UInt16(reserved.count), hasCredential: credential != nil, wakesWhenOpen: wakesWhenOpen,
        hash: hash, generation: generation, anyTarget: anyTarget.map { .passRetained($0) }))

    UnsafeMutableBufferPointer(mutating: targets).initializeAll(exposed.lazy.map { .passRetained($0.target) })
    UnsafeMutableBufferPointer(mutating: policies).initializeAll(
      exposed.lazy.map { $0.policy.map { .passRetained($0) } })
    UnsafeMutableBufferPointer(mutating: nonces).initializeAll(exposed.lazy.map { $0.nonce })
    if let credential {
      let epoch: UnsafeBufferPointer<UInt64> = part(at: credentialOffset, count: 1)
      UnsafeMutableBufferPointer(mutating: epoch).initializeAll(CollectionOfOne(credential.epoch))
      UnsafeMutableBufferPointer(mutating: self.credential!).initializeAll(credential.tokenHash)
    }
    UnsafeMutableBufferPointer(mutating: ports).initializeAll(exposed.lazy.map { $0.port })
    UnsafeMutableBufferPointer(mutating: allowedPorts).initializeAll(allowed ?? [])
    UnsafeMutableBufferPointer(mutating: reservedPorts).initializeAll(reserved)
    UnsafeMutableBufferPointer(mutating: flags).initializeAll(exposed.lazy.map { $0.flags })
    UnsafeMutableBufferPointer(mutating: self.key).initializeAll(key)
  }

  /// For `TrieMemory`, when nobody holds the entry any more.
  func destroy() {
    for target in targets { target.release() }
    for policy in policies { policy?.release() }
    anyTarget?.release()
    header.deinitialize(count: 1)
    UnsafeMutableRawPointer(header).deallocate()
  }
}

extension RouteEntry {
  /// - Parameter old: the entry that this one replaces. A record of generation 0 goes on with its generation, and with
  ///   those of its targets that are still right, so that connections are pooled on.
  init(_ record: SandboxRecord, replacing old: RouteEntry?, key: UnsafeBufferPointer<UInt8>, hash: UInt64) {
    let isOpen = record.ingress.mode == .open
    let kept = record.generation == 0 || record.generation == old?.generation ? old : nil
    let generation = record.generation != 0 ? record.generation : old?.generation ?? Generation.next()
    var byTreatment: [Treatment: UpstreamTarget] = [:]
    let endpoint = record.address.endpointOfAnyPort
    if let kept {
      for known in [kept.anyTarget].compactMap(\.self) + kept.targets {
        let target = known.takeUnretainedValue()
        if target.endpoint == endpoint { byTreatment[Treatment(target)] = target }
      }
    }
    func target(_ treatment: Treatment) -> UpstreamTarget {
      if let known = byTreatment[treatment] { return known }
      let made = UpstreamTarget(
        generation: generation, sandboxID: record.id.text, endpoint: endpoint, hostPolicy: treatment.host,
        upstreamProtocol: treatment.upstream, countsAsActivity: treatment.countsAsActivity)
      byTreatment[treatment] = made
      return made
    }

    var exposed: [UInt16: Exposed] = [:]
    for exposure in record.exposures where record.ingress.allows(exposure.port) {
      guard isOpen || Exposure.ports.contains(exposure.port), !record.reservedPorts.contains(exposure.port) else {
        continue
      }
      let flags =
        (exposure.auth == .token ? RouteEntry.needsToken : 0) | (exposure.wake ? RouteEntry.wakes : 0)
      exposed[exposure.port] = Exposed(
        port: exposure.port, target: target(Treatment(exposure)), policy: ExposurePolicy(exposure),
        nonce: exposure.nonce, flags: flags)
    }
    self.init(
      kind: isOpen ? .open : .published, state: record.state, key: key, hash: hash, generation: generation,
      anyTarget: isOpen ? target(Treatment()) : nil, exposed: exposed.values.sorted { $0.port < $1.port },
      allowed: isOpen ? record.ingress.allowPorts.map { ports in ports.filter { $0 != 0 }.sorted() } : nil,
      reserved: isOpen ? record.reservedPorts.sorted() : [], credential: record.credential,
      wakesWhenOpen: record.ingress.wake)
  }

  init(gateway target: UpstreamTarget, key: UnsafeBufferPointer<UInt8>, hash: UInt64) {
    var port: UInt16 = 0
    if case .tcp(let address) = target.endpoint { port = address.port }
    self.init(
      kind: .gateway, state: .running, key: key, hash: hash, generation: target.generation, anyTarget: target,
      gatewayPort: port)
  }

  /// What two exposures of one sandbox have to agree in to share a target: most sandboxes then have only one.
  private struct Treatment: Hashable {
    var host = HostPolicy.public
    var upstream = UpstreamProtocol.http1
    var countsAsActivity = true

    init() {}

    init(_ exposure: Exposure) {
      host = exposure.host
      upstream = exposure.upstream
      countsAsActivity = exposure.keepAlive
    }

    init(_ target: UpstreamTarget) {
      host = target.hostPolicy
      upstream = target.upstreamProtocol
      countsAsActivity = target.countsAsActivity
    }
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
