public import Bytes

/// How the data plane reaches one port of a sandbox. A runner gives it; nothing that a client sends can change it.
public enum Endpoint: Hashable, Sendable {
  /// Dialled over TCP. `SocketAddress.port` 0 stands for the port that was asked for.
  case tcp(SocketAddress)
  /// A Unix stream socket, such as a runner's forwarder. `{port}` in the path stands for the port that was asked for.
  case unix(path: String)

  /// What to dial for `port`: the same endpoint with what stands for the port filled in. For dialling, not per request.
  public func resolved(port: UInt16) -> Endpoint {
    switch self {
    case .tcp(var address):
      if address.port == 0 { address.port = port }
      return .tcp(address)
    case .unix(let path):
      let parts = path.split(separator: "{port}", omittingEmptySubsequences: false)
      return .unix(path: parts.joined(separator: String(port)))
    }
  }
}

extension Endpoint: CustomStringConvertible {
  public var description: String {
    switch self {
    case .tcp(let address): address.description
    case .unix(let path): "unix:" + path
    }
  }
}

/// What is spoken to an upstream.
public enum UpstreamProtocol: String, Hashable, Sendable, CaseIterable {
  /// HTTP/1.1 over plain TCP: the default.
  case http1 = "http"
  /// HTTP/2 with prior knowledge (RFC 9113 §3.3), as gRPC services speak it.
  case h2c
  /// HTTP/1.1 over TLS, chosen by ALPN; HTTP/2 where the service offers it.
  case https
}
