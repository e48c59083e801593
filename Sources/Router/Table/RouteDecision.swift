public import HTTP

/// What becomes of a request, as far as its host and the beginning of its path say.
///
/// Targets and guards are unmanaged, so that deciding counts no references: they are valid while the caller keeps the
/// table alive.
public enum RouteDecision {
  /// Nothing more is to be asked: a gateway, or a port of a running sandbox that is open to everybody.
  case forward(Unmanaged<UpstreamTarget>, port: UInt16)
  /// A port that asks for a credential or an address, or a sandbox that does not run: the guard knows what to ask.
  case guarded(RouteGuard)
  /// The path is `/.porthole` or below it, on a preview host: Porthole's own, whatever the sandbox's state and whether
  /// or not there is one. The guard is that of the port, if anything answers there.
  case porthole(RouteGuard?, port: UInt16)
  /// `api.<domain>` or `<id>.<domain>`: the control API.
  case control
  case refuse(Refusal)
}
