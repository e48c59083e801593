public import Bytes

/// How the data plane reaches one port of a sandbox. A runner gives it; nothing that a client sends can change it.
public enum Endpoint: Hashable, Sendable {
  /// Dialled over TCP. `SocketAddress.port` is the port that was asked for unless the runner maps it.
  case tcp(SocketAddress)
  /// A Unix stream socket, such as a runner's forwarder.
  case unix(path: String)
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
