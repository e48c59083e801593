internal import Auth
public import Loop
internal import Router
public import Sandbox
public import Store
public import Telemetry

/// Everything between the control API and the store, the runner and the workers. It belongs to the control loop.
///
/// It keeps nothing of a sandbox that rests: what is asked about one is read from the store. In memory are those whose
/// state is about to change, the idle clocks of those that run and have one, and the next exposures to end.
///
/// The order of every change: the store has it for good, then the workers are told, then the client is.
@ControlLoop
public final class ControlPlane {
  let store: Store
  let runner: any SandboxRunner
  let dataPlane: any DataPlane
  private(set) var settings: ControlSettings
  let hooks: ControlHooks
  let clock: any ControlClock
  let logger: Logger?
  private(set) var views: Views

  /// Nil before `start`.
  var keys: CredentialKeys?
  let apiKeys = APIKeys()
  let idempotency = Idempotency()
  let lanes = Lanes()
  /// Sandboxes whose runner is at work.
  var lives: [SandboxID: Life] = [:]
  let wakes = Wakes()
  let idle = IdleWatch()
  let expiries = ExpiryWatch()
  let feed: EventFeed
  let noticed = Noticed()
  var idleAlarm: (atMs: UInt64, alarm: any ControlAlarm)?
  var expiryAlarm: (atMs: UInt64, alarm: any ControlAlarm)?
  var counted = ControlCounters()
  var isStopping = false
  /// Takes what the runner tells, in its order.
  var runnerNews: AsyncStream<RunnerNews>.Continuation?
  var isWriting = false
  var isTidying = false

  public init(
    store: Store, runner: any SandboxRunner, dataPlane: any DataPlane, settings: ControlSettings,
    clock: any ControlClock, hooks: ControlHooks = ControlHooks(), logger: Logger? = nil
  ) {
    self.store = store
    self.runner = runner
    self.dataPlane = dataPlane
    self.settings = settings
    self.hooks = hooks
    self.clock = clock
    self.logger = logger
    views = Views(settings: settings, runnerKind: runner.kind)
    feed = EventFeed(store: store)
  }

  /// The domains of the configuration changed: URLs are made below the first of them from now on.
  public func serve(domains: [String]) {
    settings.domains = domains
    views = Views(settings: settings, runnerKind: runner.kind)
  }

  public var counters: ControlCounters {
    var counters = counted
    counters.subscribers = feed.subscriberCount
    return counters
  }

  var nowMs: UInt64 { clock.nowMs }

  /// The keys; there are some from `start` on, which everything else comes after.
  var credentialKeys: CredentialKeys {
    guard let keys else { preconditionFailure("the control plane has not been started") }
    return keys
  }

  func alarm(after ms: UInt64, _ action: @escaping @ControlLoop (ControlPlane) -> Void) {
    _ = clock.after(ms) { [weak self] in self.map(action) }
  }
}

/// What the control plane asks of the process around it.
public struct ControlHooks: Sendable {
  /// Answers for `/healthz`, `/readyz` and `/metrics`; nil where there is no such page.
  public typealias OwnPages = @ControlLoop @Sendable (_ path: String) -> OwnPage?

  public var ownPages: OwnPages
  /// Dials ports of sandboxes, for readiness.
  public var probe: (any PortProbe)?
  /// The route of a gateway that takes a host, as text for `explain`; nil where none does.
  public var gateway: @ControlLoop @Sendable (_ host: String) -> String?

  public init(
    ownPages: @escaping OwnPages = { _ in nil }, probe: (any PortProbe)? = nil,
    gateway: @escaping @ControlLoop @Sendable (_ host: String) -> String? = { _ in nil }
  ) {
    self.ownPages = ownPages
    self.probe = probe
    self.gateway = gateway
  }
}

/// A page that the process makes itself.
public struct OwnPage: Sendable {
  public var status: Int
  public var contentType: String
  public var body: [UInt8]

  public init(status: Int = 200, contentType: String, body: [UInt8]) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }
}
