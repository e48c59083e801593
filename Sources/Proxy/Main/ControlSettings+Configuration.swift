import Configuration
import ControlPlane
import Store

extension ControlSettings {
  init(_ configuration: Configuration, httpsPort: UInt16) {
    self.init(domains: configuration.domains, httpsPort: httpsPort)
  }
}

extension Store.Location {
  init(_ store: Configuration.Store) {
    switch store {
    case .memory: self = .memory
    case .file(let path): self = .file(path: path)
    }
  }
}
