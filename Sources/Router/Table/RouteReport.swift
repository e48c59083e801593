public import Bytes
public import Sandbox

/// What workers tell the control side about requests. Nothing waits for an answer, except a redemption's request.
public enum RouteReport: Sendable {
  /// A request that may wake it waits for a sandbox that sleeps. Told again by other workers, and every few seconds.
  case wake(SandboxID, port: UInt16)
  /// Sandboxes with traffic that counts, once a second at most.
  case activity([SandboxID])
  /// Somebody wants to use a single-use link.
  case redeem(Redemption)
  /// A link was exchanged for a cookie, or a cookie of it was used: at most once a minute per worker.
  case linkUsed(SandboxID, port: UInt16, link: UInt64, client: IPAddress)
  /// The first request that was forwarded to an exposure, as far as this worker knows.
  case firstRequest(SandboxID, port: UInt16, nonce: UInt64)
  /// Requests that were refused for their credential, address or origin. Bounded per second: `count` stands for more.
  case denied(SandboxID, port: UInt16, word: StaticString, client: IPAddress, count: Int)
}

/// A single-use link on its way to being used. Answered by `ticket`.
public struct Redemption: Hashable, Sendable {
  public var worker: Int
  /// Unique on that worker.
  public var ticket: UInt64
  public var sandbox: SandboxID
  public var port: UInt16
  public var nonce: UInt64
  public var link: UInt64
  public var client: IPAddress

  public init(
    worker: Int, ticket: UInt64, sandbox: SandboxID, port: UInt16, nonce: UInt64, link: UInt64, client: IPAddress
  ) {
    self.worker = worker
    self.ticket = ticket
    self.sandbox = sandbox
    self.port = port
    self.nonce = nonce
    self.link = link
    self.client = client
  }
}
