public import Sandbox

/// One step from a table to the next. Putting replaces what had the same id or host; removing what is absent is no
/// error.
public enum RouteChange: Sendable {
  ///
  /// A record of generation 0 keeps the generation of the one that it replaces.
  case putSandbox(SandboxRecord)
  case removeSandbox(SandboxID)
  /// `host` is a name, in any case, with or without a trailing dot, or `*.<name>` for every name one label below.
  /// Anything else (a port, a path, two stars) is a route that no request can match: the configuration refuses it.
  case putGateway(host: String, UpstreamTarget)
  case removeGateway(host: String)
}
