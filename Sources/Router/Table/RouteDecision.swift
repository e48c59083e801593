public import HTTP

/// What becomes of a request, as far as its host and the beginning of its path say.
///
/// Targets are unmanaged, so that deciding counts no references: they are valid while the caller keeps the table alive.
///
/// The runtime hosts `<id>.<domain>` and the control host `api.<domain>` are refused as `notFound` until there is
/// something behind them; they get cases of their own then.
public enum RouteDecision {
  case forward(Unmanaged<UpstreamTarget>, port: UInt16)
  /// The path is `/.porthole` or below it, on a preview host: Porthole's own, whatever the sandbox's state and whether
  /// or not there is one. The target is what is exposed on the port, if anything is.
  case porthole(Unmanaged<UpstreamTarget>?, port: UInt16)
  case refuse(Refusal)
}
