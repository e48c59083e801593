import Bytes
import Configuration
import ControlPlane
import Glibc
import HTTP
import Loop
import ProxyEngine
import Router
import Sandbox
import Store
import TLS
import Telemetry

/// The running process: one thread per worker, and this one, which keeps the configuration and the certificates, listens
/// to signals, and runs the control plane with its `api` listener.
@ControlLoop
final class Server {
  var configuration: Configuration
  let readAgain: () throws(ConfigurationError) -> Configuration
  let logger: Logger

  /// The control side's own loop and its `api` listener.
  let control: Worker
  var workers: [WorkerThread] = []
  let fleet: WorkerFleet
  let runner: any SandboxRunner
  let plane: ControlPlane
  private let socket: InternalSocket
  var gateways: [String: (route: Configuration.Route, target: UpstreamTarget)] = [:]
  var tickets = TicketKeys()
  var listeners: [BoundListener] = []
  let accessLog: AccessLogWriter?
  private var signals: [SignalWatcher] = []
  var watchers: [FolderWatcher] = []
  private var timers: [LoopTimer] = []
  var reloadPending: LoopTimer?
  var certificateStamp: [String] = []
  private var isReady = false
  private var isDraining = false
  private var exitStatus: Int32 = 0
  private var drained = 0
  private let arrivals: Mailbox<Int>
  private let reports: Mailbox<RouteReport>

  /// A TLS listening address with the files that its contexts are made of.
  struct BoundListener {
    var settings: Configuration.HTTPSListener
    /// With the port that the kernel chose.
    var address: SocketAddress
  }

  /// Prepares everything that can fail: files, sockets. Nothing is served before `run`.
  ///
  /// - Parameter control: the control side's own worker, whose loop is attached as the control loop.
  init(
    _ configuration: Configuration, control: Worker,
    reload: @escaping () throws(ConfigurationError) -> Configuration, logger: Logger
  ) throws {
    self.control = control
    self.configuration = configuration
    readAgain = reload
    self.logger = logger
    Server.raiseDescriptorLimit()
    signal(SIGPIPE, SIG_IGN)

    var changes: [RouteChange] = []
    for route in configuration.routes {
      let target = UpstreamTarget(route)
      gateways[route.host.description] = (route, target)
      changes.append(.putGateway(host: route.host.description, target))
    }
    let table = RouteTable(domains: configuration.domains, changes: changes)

    if let format = AccessLogFormat(configuration.log.access) {
      accessLog = try AccessLogWriter(
        AccessLogOutput(configuration.log.accessFile), format: format, workers: configuration.workers, logger: logger)
    } else {
      accessLog = nil
    }

    let words = Refusal.allCases.map(\.word)
    let firstSettings = EngineSettings(configuration)
    var finished: @ControlLoop () -> Void = {}
    arrivals = Mailbox(loop: control.loop) { _ in ControlLoop.assumeHere { finished() } }
    var reported: @ControlLoop (RouteReport) -> Void = { _ in }
    reports = Mailbox(loop: control.loop) { report in ControlLoop.assumeHere { reported(report) } }
    socket = try InternalSocket()
    let controlTarget = UpstreamTarget.gateway(to: .unix(path: socket.path))

    let certificates = try Server.load(configuration.tls) { logger.warn("\($1)", ["certificate": $0]) }
    let trust = try UpstreamTrust(gateways)
    var made: [Worker] = []
    for index in 0..<configuration.workers {
      let worker = Worker(
        index: index, settings: firstSettings, table: table, counters: WorkerCounters(refusalWords: words),
        log: accessLog?.makeBuffer())
      worker.control = controlTarget
      worker.whenReporting = { [reports] in reports.send($0) }
      for (place, listener) in configuration.listen.https.enumerated() {
        // Later workers take the port that the first one got.
        let address = index == 0 ? listener.address : listeners[place].address
        let tls = try TLSServerSettings(configuration, listener, certificates, tickets)
        let context = try TLSContext(tls)
        let bound = try worker.listen(
          ListenerSettings(.https, address, listener.proxyProtocol, configuration), tls: context)
        if index == 0 { listeners.append(BoundListener(settings: listener, address: bound)) }
      }
      for (place, address) in configuration.listen.http.enumerated() {
        let own = index == 0 ? address : redirects[place]
        let bound = try worker.listen(
          ListenerSettings(.redirect, own, configuration.listen.proxyProtocol, configuration), tls: nil)
        if index == 0 { redirects.append(bound) }
      }
      made.append(worker)
    }
    if let address = configuration.listen.api {
      api = try control.listen(ListenerSettings(.api, address, false, configuration), tls: nil)
    }
    fleet = WorkerFleet(table)
    runner = try Runners.make(configuration)
    let hooks = ServerHooks()
    plane = ControlPlane(
      store: try Store(Store.Location(configuration.store)), runner: runner, dataPlane: fleet,
      settings: ControlSettings(configuration, httpsPort: listeners.first?.address.port ?? 443),
      clock: LoopClock(loop: control.loop),
      hooks: ControlHooks(
        ownPages: { hooks.server?.page($0) }, probe: LoopProbe(loop: control.loop),
        gateway: { hooks.server?.describeGateway($0) }), logger: logger)
    finished = { [unowned self] in workerDrained() }
    // Only now is every address known: with port 0 the kernel chose it.
    let settings = engineSettings(configuration)
    for worker in made {
      worker.apply(settings: settings)
      workers.append(WorkerThread(worker, upstreams: trust))
    }
    try control.listen(internalPath: socket.path)

    hooks.server = self
    reported = { [unowned self] in plane.take($0) }
    control.localService = LocalService { [unowned self] call in
      ControlLoop.assumeHere {
        let made = EngineCall(call)
        let task = Task { await self.plane.handle(made) }
        call.whenAbandoned = { task.cancel() }
      }
    }
  }

  /// The data plane's settings, with what only the bound sockets tell.
  func engineSettings(_ configuration: Configuration) -> EngineSettings {
    var settings = EngineSettings(configuration)
    settings.redirectPort = listeners.first?.address.port ?? 443
    settings.ownAddresses = listeners.map(\.address) + redirects + [api].compactMap(\.self)
    return settings
  }

  private var redirects: [SocketAddress] = []
  private var api: SocketAddress?

  /// Serves until it is told to end and has drained. Returns the exit code.
  ///
  /// Connections are accepted by the kernel from `init` on; they are served once the control plane knows its sandboxes.
  func run() -> Int32 {
    Task { await begin() }
    watchSignals()
    watchCertificates()
    timers.append(
      LoopTimer(
        loop: control.loop, afterMs: UInt64(configuration.tlsOptions.ticketRotationMs),
        everyMs: UInt64(configuration.tlsOptions.ticketRotationMs)
      ) { [unowned self] in
        tickets = tickets.rotated()
        for worker in workers { worker.send(.tickets(tickets)) }
        logger.debug("session ticket keys rotated")
      })
    control.run()
    accessLog?.stop()
    socket.remove()
    if exitStatus == 0 { logger.info("stopped") }
    return exitStatus
  }

  private func begin() async {
    do {
      let firstKey = try await plane.start()
      if let firstKey {
        Terminal.print("API key: \(firstKey)\n  It is shown this once. For the commands: export PORTHOLE_API_KEY=<key>")
      }
    } catch {
      logger.error("cannot start: \(error)")
      exitStatus = 1
      control.loop.stop()
      return
    }
    if isDraining { return }
    fleet.employ(workers)
    for worker in workers { worker.start(arrivals) }
    isReady = true
    sayWhatListens()
  }

  private func sayWhatListens() {
    for listener in listeners {
      let clients = listener.settings.clientCertificates.map { " with client certificates (\($0.mode))" } ?? ""
      logger.info("https listening\(clients)", ["address": "\(listener.address)"])
    }
    for address in redirects { logger.info("http listening, redirects to https", ["address": "\(address)"]) }
    if let api { logger.info("api listening", ["address": "\(api)"]) }
    let port = listeners.first.map { $0.address.port == 443 ? "" : ":\($0.address.port)" } ?? ""
    for domain in configuration.domains {
      logger.info("previews", ["url": "https://<port>-<sandbox id>.\(domain)\(port)/"])
    }
    logger.info(
      "ready",
      [
        "workers": "\(workers.count)", "runner": runner.kind,
        "routes": "\(configuration.routes.count)", "pid": "\(getpid())",
      ])
  }

  private static func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max else {
      return
    }
    limit.rlim_cur = min(limit.rlim_max, 1_048_576)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  nonisolated static func load(
    _ entries: [Configuration.TLSCertificate], warn: (_ path: String, CertificateWarning) -> Void
  ) throws(TLSError) -> [LoadedCertificate] {
    var loaded: [LoadedCertificate] = []
    for entry in entries {
      let certificate = try CertificateFiles.load(certificate: entry.certificate, key: entry.key, ocsp: entry.ocsp)
      for warning in certificate.warnings { warn(entry.certificate, warning) }
      loaded.append(certificate)
    }
    return loaded
  }

  /// What starting would find out about everything that TLS is made of: stapled responses, client authorities, ciphers,
  /// the authorities of routes. Answers what would be warned of.
  nonisolated static func tryTLS(_ configuration: Configuration) throws(TLSError) -> [String] {
    var warnings: [String] = []
    let certificates = try load(configuration.tls) { warnings.append("\($0): \($1)") }
    for listener in configuration.listen.https {
      _ = try TLSContext(TLSServerSettings(configuration, listener, certificates, TicketKeys()))
    }
    for route in configuration.routes {
      if let file = route.upstream.caFile {
        let settings = TLSClientSettings(verification: .roots(try TrustAnchors.load(file)))
        _ = try TLSClientContext(settings)
      }
    }
    return warnings
  }

  func loadAndWarn(_ entries: [Configuration.TLSCertificate]) throws(TLSError) -> [LoadedCertificate] {
    try Server.load(entries) { logger.warn("\($1)", ["certificate": $0]) }
  }

  // MARK: Signals

  private func watchSignals() {
    for number in [SIGTERM, SIGINT] {
      signals.append(
        SignalWatcher(loop: control.loop, signal: number) { [unowned self] in
          ControlLoop.assumeHere { drain() }
        })
    }
    signals.append(
      SignalWatcher(loop: control.loop, signal: SIGHUP) { [unowned self] in
        ControlLoop.assumeHere {
          accessLog?.requestReopen()
          reload()
        }
      })
  }

  /// First signal: finish what is running. Second: now.
  private func drain() {
    if isDraining {
      logger.warn("stopped before everything was finished")
      accessLog?.stop()
      socket.remove()
      exit(1)
    }
    isDraining = true
    logger.info(
      "draining: nothing new is accepted; a second signal stops at once",
      ["limit": "\(configuration.timeouts.drainMs) ms"])
    if !isReady {
      finishStop()
      return
    }
    for worker in workers { worker.send(.drain) }
  }

  private func workerDrained() {
    drained += 1
    if drained == workers.count { finishStop() }
  }

  /// The last to go is the control plane: what was counted and noticed is written down.
  private func finishStop() {
    Task {
      await plane.stop()
      control.loop.stop()
    }
  }

  // MARK: Pages of the process

  fileprivate func page(_ path: String) -> OwnPage? {
    switch path {
    case "/healthz": return .text("ok\n")
    case "/readyz":
      if isDraining { return .text("draining\n", status: 503) }
      return isReady ? .text("ready\n") : .text("starting\n", status: 503)
    case "/metrics": return metrics()
    default: return nil
    }
  }

  private func metrics() -> OwnPage {
    var text = PrometheusText()
    text.add(version: Version.number)
    text.add(workers: workers.map(\.counters))
    text.add(control: plane.counters)
    if let accessLog { text.add(accessLog: accessLog.totals) }
    if let figures = ProcessFigures.current() { text.add(process: figures) }
    return OwnPage(contentType: "\(PrometheusText.contentType)", body: text.bytes)
  }

  fileprivate func describeGateway(_ host: String) -> String? {
    let wildcard = host.firstIndex(of: ".").map { "*" + host[$0...] }
    guard let route = gateways[host]?.route ?? wildcard.flatMap({ gateways[$0]?.route }) else { return nil }
    return "\(route.upstream.url)"
  }
}

/// What the control plane is given before there is a server.
@ControlLoop
private final class ServerHooks {
  unowned var server: Server?
  nonisolated init() {}
}

extension OwnPage {
  fileprivate static func text(_ text: String, status: Int = 200) -> OwnPage {
    OwnPage(status: status, contentType: "text/plain; charset=utf-8", body: Array(text.utf8))
  }
}
