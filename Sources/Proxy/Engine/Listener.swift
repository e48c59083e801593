public import Bytes
public import Loop
public import TLS

/// What a listener's connections speak, and whom it believes.
public struct ListenerSettings: Sendable {
  public enum Kind: Sendable { case https, redirect, api }

  public var kind: Kind
  public var address: SocketAddress
  /// A PROXY protocol head is required from `proxyProtocolPeers`; from anybody else its bytes are just a bad request.
  public var proxyProtocol = false
  public var proxyProtocolPeers: [CIDR] = []
  /// Peers whose `X-Forwarded-For` and other words about the client are kept.
  public var trustedProxies: [CIDR] = []

  public init(kind: Kind, address: SocketAddress) {
    self.kind = kind
    self.address = address
  }
}

/// One worker's share of a listening address.
final class Listener: TCPListener {
  unowned(unsafe) let worker: Worker
  let settings: ListenerSettings
  /// Replaced when certificates are reloaded; sessions that run keep the one they began with.
  var tls: TLSContext?

  /// A socket in the file system, by which workers pass on requests to the control side.
  var isInternal: Bool { unixPath != nil }

  init(worker: Worker, settings: ListenerSettings, tls: TLSContext?, unixPath: String? = nil) {
    self.worker = worker
    self.settings = settings
    self.tls = tls
    super.init(loop: worker.loop, address: settings.address, unixPath: unixPath)
  }

  override func connectionReady() {
    let connection = DownstreamConnection(worker: worker, listener: self)
    guard connection.accept(from: self) == nil else {
      connection.close()
      return
    }
    connection.accepted()
  }

  func trusts(_ ip: IPAddress) -> Bool { settings.trustedProxies.contains { $0.contains(ip) } }
  func expectsProxyHead(_ ip: IPAddress) -> Bool {
    settings.proxyProtocol && settings.proxyProtocolPeers.contains { $0.contains(ip) }
  }
}

extension Worker {
  /// Opens a listener; with port 0 the returned address says which port it got.
  public func listen(_ settings: ListenerSettings, tls: TLSContext?) throws(ListenError) -> SocketAddress {
    let listener = Listener(worker: self, settings: settings, tls: tls)
    do {
      try listener.listen()
    } catch {
      throw ListenError(address: settings.address, reason: error.description)
    }
    listeners.append(listener)
    return listener.address
  }

  /// Opens an `api` listener for workers of this process. Whoever can connect to `path` can say for whom they ask, so its
  /// folder has to be ours alone.
  public func listen(internalPath path: String) throws(LoopError) {
    let settings = ListenerSettings(kind: .api, address: SocketAddress(ip: IPAddress(high: 0, low: 0), port: 0))
    let listener = Listener(worker: self, settings: settings, tls: nil, unixPath: path)
    try listener.listen()
    listeners.append(listener)
  }

  /// From now on tickets are made with the newest of these keys.
  public func rotateTickets(_ tickets: TicketKeys) {
    for listener in listeners { listener.tls?.tickets = tickets }
  }

  /// Gives every TLS listener on `address` a new context; running connections keep theirs.
  public func replaceTLS(_ tls: TLSContext, at address: SocketAddress) {
    for listener in listeners where listener.address == address { listener.tls = tls }
  }
}

/// A listening socket that could not be had.
public struct ListenError: Error, Sendable, CustomStringConvertible {
  public let address: SocketAddress
  public let reason: String
  public var description: String { "cannot listen on \(address): \(reason)" }
}
