public import Bytes
public import Sandbox

/// One sandbox as the configuration lists it: something that already runs at an address that does not change.
public struct StaticSandbox: Hashable, Sendable {
  public var id: SandboxID
  public var address: IPAddress
  public var ingress: Ingress
  public var exposures: [Exposure]

  public init(id: SandboxID, address: IPAddress, ingress: Ingress = Ingress(), exposures: [Exposure] = []) {
    self.id = id
    self.address = address
    self.ingress = ingress
    self.exposures = exposures
  }

  /// An IP address, or `localhost`. Other names are refused: they would have to be resolved again and again, and a
  /// name that starts to point elsewhere would take one sandbox's visitors to another.
  public static func address(from text: String) -> IPAddress? {
    text == "localhost" ? IPAddress(v4: 0x7F00_0001) : IPAddress(text)
  }
}
