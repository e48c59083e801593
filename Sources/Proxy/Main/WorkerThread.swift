import Auth
import Bytes
import Configuration
import Glibc
import Loop
import ProxyEngine
import Router
import Sandbox
import TLS
import Telemetry

/// What the control side tells a worker. Values only; each is applied between two events of the worker's loop.
enum WorkerMessage: Sendable {
  case table(RouteTable, touched: [SandboxID])
  case keys(CredentialKeys)
  case redeemed(ticket: UInt64, granted: Bool)
  case settings(EngineSettings)
  case tls(SocketAddress, TLSServerSettings)
  case tickets(TicketKeys)
  case trust(UpstreamTrust)
  case drain
}

/// A worker on a thread of its own. After `start` only its mailbox reaches it.
final class WorkerThread {
  let counters: WorkerCounters
  private let worker: Worker
  private let mailbox: Mailbox<WorkerMessage>
  private let state: WorkerState

  init(_ worker: Worker, upstreams: UpstreamTrust) {
    self.worker = worker
    counters = worker.counters
    let state = WorkerState(worker, upstreams)
    self.state = state
    mailbox = Mailbox(loop: worker.loop) { state.take($0) }
  }

  func send(_ message: WorkerMessage) { mailbox.send(message) }

  func start(_ arrivals: Mailbox<Int>) {
    state.arrivals = arrivals
    let box = Unmanaged.passRetained(state).toOpaque()
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { argument in
        let state = Unmanaged<WorkerState>.fromOpaque(argument!).takeRetainedValue()
        state.worker.run()
        return nil
      }, box)
    precondition(status == 0, "no thread for a worker")
  }
}

/// Lives on the worker's thread once that runs.
private final class WorkerState {
  let worker: Worker
  var arrivals: Mailbox<Int>?
  private var trust: UpstreamTrust
  private var contexts: [ContextKey: TLSClientContext] = [:]

  /// Generation 0 stands for all sandboxes.
  private struct ContextKey: Hashable {
    let generation: UInt64
    let isForUpgrade: Bool
  }

  init(_ worker: Worker, _ trust: UpstreamTrust) {
    self.worker = worker
    self.trust = trust
    worker.upstreamTLS = { [unowned self] in context(for: $0, isForUpgrade: $1) }
  }

  func take(_ message: WorkerMessage) {
    switch message {
    case .table(let table, let touched): worker.apply(table: table, touched: touched)
    case .keys(let keys): worker.apply(keys: keys)
    case .redeemed(let ticket, let granted): worker.answer(redemption: ticket, granted: granted)
    case .settings(let settings): worker.apply(settings: settings)
    case .tls(let address, let settings):
      // It was tried on the control side, so it does not fail here.
      if let context = try? TLSContext(settings) { worker.replaceTLS(context, at: address) }
    case .tickets(let tickets): worker.rotateTickets(tickets)
    case .trust(let newer):
      // Exchanges that run may still dial for a route that was replaced.
      trust.byGeneration.merge(newer.byGeneration) { $1 }
    case .drain:
      worker.drain { [unowned self] in
        arrivals?.send(worker.index)
      }
    }
  }

  /// Contexts are made when they are first needed: reading the system's authorities takes milliseconds. Nil refuses the
  /// dial: a route whose trust is not known is never dialled unverified.
  private func context(for target: UpstreamTarget, isForUpgrade: Bool) -> TLSClientContext? {
    let key = ContextKey(generation: target.isGateway ? target.generation : 0, isForUpgrade: isForUpgrade)
    if let known = contexts[key] { return known }
    // What runs in a sandbox signs its own certificate; there is nobody to ask about it.
    guard
      var settings = target.isGateway
        ? trust.byGeneration[target.generation] : TLSClientSettings(verification: .insecure)
    else { return nil }
    if isForUpgrade { settings.alpn = [.http1] }
    let made = try? TLSClientContext(settings)
    contexts[key] = made
    return made
  }
}

/// How the TLS upstreams of plain routes are verified, by their generation.
struct UpstreamTrust: Sendable {
  var byGeneration: [UInt64: TLSClientSettings] = [:]

  /// Throws where an authority's file cannot be used: falling back to another trust would be a lie.
  init(_ gateways: [String: (route: Configuration.Route, target: UpstreamTarget)]) throws(TLSError) {
    for (route, target) in gateways.values where route.upstream.upstreamProtocol == .https {
      var verification = TLSClientSettings.Verification.system
      if route.upstream.insecureSkipVerify {
        verification = .insecure
      } else if let file = route.upstream.caFile {
        verification = .roots(try TrustAnchors.load(file))
      }
      byGeneration[target.generation] = TLSClientSettings(verification: verification)
    }
  }
}
