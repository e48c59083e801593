internal import Bytes
internal import Glibc
internal import Sandbox
internal import Synchronization

/// What all sandboxes of one runner share: who is told of events, where addresses come from, what goes wrong on purpose.
final class MemoryHost: Sendable {
  private struct State {
    var options: MemoryOptions
    var dice: MemoryDice
    var addresses: MemoryAddresses
    var events: @Sendable (RunnerEvent) -> Void = { _ in }
    /// Where the sockets of sandboxes are that have no IP address; made when the first is needed.
    var folder: String?
    var moves = 0
  }

  private let state: Mutex<State>
  /// Called when a sandbox has ended by itself.
  let forget: @Sendable (SandboxID) -> Void

  init(_ options: MemoryOptions, forget: @escaping @Sendable (SandboxID) -> Void) {
    self.forget = forget
    state = Mutex(
      State(
        options: options, dice: MemoryDice(seed: options.seed), addresses: MemoryAddresses(options.networks)))
  }

  var options: MemoryOptions { state.withLock { $0.options } }

  /// Takes over what can be changed at any time.
  /// - Returns: the keys that need a restart; they stay as they were.
  func reconfigure(_ options: MemoryOptions) -> [String] {
    state.withLock { state in
      let keys = options.restartNeeded(comparedTo: state.options)
      var next = options
      next.address = state.options.address
      next.networks = state.options.networks
      next.serve = state.options.serve
      next.seed = state.options.seed
      state.options = next
      return keys
    }
  }

  func listen(_ events: @escaping @Sendable (RunnerEvent) -> Void) { state.withLock { $0.events = events } }

  /// Never called with a lock held: whoever is told may ask something in return.
  func tell(_ event: RunnerEvent) { state.withLock { $0.events }(event) }

  func tell(_ events: [RunnerEvent]) { for event in events { tell(event) } }

  // MARK: Faults

  /// Waits as long as the verb shall take, and fails it if it shall fail. Nothing has been done by then, so that
  /// whatever comes in between leaves nothing half done.
  /// - Parameter sandbox: whose own wishes come first, if the verb is about one.
  func hinder(
    _ verb: MemoryVerb, _ sandbox: MemorySandbox?, _ deadline: Deadline
  ) async throws(RunnerError) {
    try await hinder(verb, deadline, delayMs: sandbox?.delayMs(of: verb)) { dice in
      sandbox?.fails(verb, dice: &dice) ?? false
    }
  }

  func hinder(
    _ verb: MemoryVerb, _ deadline: Deadline, delayMs: Int?, fails: (inout MemoryDice) -> Bool
  ) async throws(RunnerError) {
    if deadline.hasPassed { throw .timedOut }
    let delayMs = delayMs ?? options.faults.delaysMs[verb] ?? 0
    if delayMs > 0 {
      let end = min(deadline.instant, .now + .milliseconds(delayMs))
      try? await Task.sleep(until: end, clock: .continuous)
      if deadline.hasPassed { throw .timedOut }
    }
    if Task.isCancelled { throw .failed("it was cancelled") }
    let isFailure = state.withLock { state in
      fails(&state.dice) || state.options.faults.fails(verb, dice: &state.dice)
    }
    if isFailure { throw .failed("the memory runner was told to fail this \(verb.rawValue)") }
  }

  // MARK: Addresses

  /// A new address for a sandbox.
  func takeAddress(_ id: SandboxID) throws(RunnerError) -> SandboxAddress {
    let found: Result<SandboxAddress, RunnerError> = state.withLock { state in
      if let address = state.options.address { return .success(.ip(address)) }
      if !state.options.networks.isEmpty {
        guard let address = state.addresses.take() else { return .failure(.exhausted("no address is left")) }
        return .success(.ip(address))
      }
      guard let folder = MemoryHost.folder(&state) else {
        return .failure(.exhausted("no folder for sockets can be made: \(String(cString: strerror(errno)))"))
      }
      return .success(.unix(template: "\(folder)/\(id).{port}"))
    }
    return try found.get()
  }

  /// Another address for a sandbox that has one.
  func moveAddress(_ id: SandboxID) throws(RunnerError) -> SandboxAddress {
    let address = try takeAddress(id)
    switch address {
    case .unix(let template):
      let number = state.withLock { state in
        state.moves += 1
        return state.moves
      }
      return .unix(template: template.replacing("/\(id).", with: "/\(id).\(number)."))
    case .ip where options.address != nil: throw .failed("all sandboxes have the same address")
    case .ip, .none: return address
    }
  }

  /// The address that a sandbox had before a restart, if it still can be that one.
  func keepAddress(_ id: SandboxID, _ address: SandboxAddress) -> SandboxAddress? {
    let isKept = state.withLock { state in
      guard case .ip(let ip) = address, state.options.address == nil else { return false }
      return state.addresses.take(ip)
    }
    return isKept ? address : try? takeAddress(id)
  }

  func giveBack(_ address: SandboxAddress) {
    guard case .ip(let ip) = address else { return }
    state.withLock { $0.addresses.giveBack(ip) }
  }

  /// Nobody else may look into it. The longest path below it, of 57 bytes for an id, a number of moves and a port, fits
  /// the 107 bytes of a socket's name.
  private static func folder(_ state: inout State) -> String? {
    if let folder = state.folder { return folder }
    var template = Array("/tmp/porthole-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { return nil }
    let folder = String(cString: made)
    state.folder = folder
    return folder
  }

  /// When no sandbox listens any more.
  func removeFolder() {
    let folder = state.withLock { state in
      defer { state.folder = nil }
      return state.folder
    }
    if let folder { rmdir(folder) }
  }
}
