public import Auth
public import Loop
public import Router
public import Sandbox

/// The workers, as the control plane sees them. All of it returns at once: workers are told by their mailboxes.
@ControlLoop
public protocol DataPlane: AnyObject {
  /// The table that workers have or are about to have.
  var table: RouteTable { get }
  /// Makes the next table and sends it to every worker, together with the sandboxes whose running requests have to be
  /// looked at again: those that depend on what is no more are ended there and then, and those that wait may go on.
  func publish(_ changes: [RouteChange], touched: [SandboxID])
  func publish(_ keys: CredentialKeys)
  /// Answers a `RouteReport.redeem`.
  func answer(_ redemption: Redemption, granted: Bool)
}
