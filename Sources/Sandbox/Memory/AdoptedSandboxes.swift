internal import Bytes
internal import Sandbox

/// Sandboxes that were known before a restart and that nobody has asked for since. There may be a million, so each is a
/// few bytes here, and becomes a real one when something touches it.
struct AdoptedSandboxes {
  private struct Adopted {
    /// Which of `specs`.
    var spec: UInt32
    var phase: MemorySandbox.Phase
    /// Its own address; nil where that follows from its id.
    var address: IPAddress?
  }

  private var adopted: [SandboxID: Adopted] = [:]
  /// Most sandboxes are made alike: each spec is kept once.
  private var specs: [SandboxSpec] = []
  private var places: [SandboxSpec: UInt32] = [:]

  var count: Int { adopted.count }

  func contains(_ id: SandboxID) -> Bool { adopted[id] != nil }

  mutating func add(_ id: SandboxID, _ spec: SandboxSpec, _ phase: MemorySandbox.Phase, _ address: SandboxAddress) {
    var place = places[spec]
    if place == nil {
      place = UInt32(specs.count)
      places[spec] = place
      specs.append(spec)
    }
    var own: IPAddress?
    if case .ip(let ip) = address { own = ip }
    adopted[id] = Adopted(spec: place ?? 0, phase: phase, address: own)
  }

  mutating func take(_ id: SandboxID) -> (spec: SandboxSpec, phase: MemorySandbox.Phase, address: IPAddress?)? {
    guard let found = adopted.removeValue(forKey: id) else { return nil }
    return (specs[Int(found.spec)], found.phase, found.address)
  }
}
