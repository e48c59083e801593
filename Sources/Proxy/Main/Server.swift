import Bytes
import Configuration
import Glibc
import HTTP
import Loop
import ProxyEngine
import Router
import Sandbox
import StaticRunner
import TLS
import Telemetry

/// The running process: one thread per worker, and this one, which keeps the configuration, the runner and the
/// certificates, listens to signals and serves the `api` listener.
final class Server {
  private var configuration: Configuration
  private let readAgain: () throws(ConfigurationError) -> Configuration
  private let logger: Logger

  /// The control side's own loop and its `api` listener.
  private let control: Worker
  private var workers: [WorkerThread] = []
  private var table: RouteTable
  private let runner: StaticRunner
  private var gateways: [String: (route: Configuration.Route, target: UpstreamTarget)] = [:]
  private var tickets = TicketKeys()
  private var listeners: [BoundListener] = []
  private let accessLog: AccessLogWriter?
  private var signals: [SignalWatcher] = []
  private var watchers: [FolderWatcher] = []
  private var timers: [LoopTimer] = []
  private var reloadPending: LoopTimer?
  private var isDraining = false
  private var drained = 0
  private let arrivals: Mailbox<Int>

  /// A TLS listening address with the files that its contexts are made of.
  private struct BoundListener {
    var settings: Configuration.HTTPSListener
    /// With the port that the kernel chose.
    var address: SocketAddress
  }

  /// Prepares everything that can fail: files, sockets. Nothing is served before `run`.
  init(
    _ configuration: Configuration, reload: @escaping () throws(ConfigurationError) -> Configuration, logger: Logger
  ) throws {
    self.configuration = configuration
    readAgain = reload
    self.logger = logger
    Server.raiseDescriptorLimit()
    signal(SIGPIPE, SIG_IGN)

    runner = StaticRunner(configuration.runner.sandboxes.map(StaticSandbox.init))
    var changes = runner.sandboxes().map { RouteChange.putSandbox($0) }
    for route in configuration.routes {
      let target = UpstreamTarget(route)
      gateways[route.host.description] = (route, target)
      changes.append(.putGateway(host: route.host.description, target))
    }
    table = RouteTable(domains: configuration.domains, changes: changes)

    if let format = AccessLogFormat(configuration.log.access) {
      accessLog = try AccessLogWriter(
        AccessLogOutput(configuration.log.accessFile), format: format, workers: configuration.workers, logger: logger)
    } else {
      accessLog = nil
    }

    let words = Refusal.allCases.map(\.word)
    let firstSettings = EngineSettings(configuration)
    control = Worker(
      index: -1, settings: firstSettings, table: .empty,
      counters: WorkerCounters(refusalWords: words), log: nil)
    var finished: () -> Void = {}
    arrivals = Mailbox(loop: control.loop) { _ in finished() }

    let certificates = try Server.load(configuration.tls) { logger.warn("\($1)", ["certificate": $0]) }
    let trust = try UpstreamTrust(gateways)
    var made: [Worker] = []
    for index in 0..<configuration.workers {
      let worker = Worker(
        index: index, settings: firstSettings, table: table, counters: WorkerCounters(refusalWords: words),
        log: accessLog?.makeBuffer())
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
    finished = { [unowned self] in workerDrained() }
    if let address = configuration.listen.api {
      api = try control.listen(ListenerSettings(.api, address, false, configuration), tls: nil)
    }
    // Only now is every address known: with port 0 the kernel chose it.
    let settings = engineSettings(configuration)
    for worker in made {
      worker.apply(settings: settings)
      workers.append(WorkerThread(worker, upstreams: trust))
    }
    control.localService = LocalService { [unowned self] in $0.respond(answer($0)) }
  }

  /// The data plane's settings, with what only the bound sockets tell.
  private func engineSettings(_ configuration: Configuration) -> EngineSettings {
    var settings = EngineSettings(configuration)
    settings.redirectPort = listeners.first?.address.port ?? 443
    settings.ownAddresses = listeners.map(\.address) + redirects + [api].compactMap(\.self)
    return settings
  }

  private var redirects: [SocketAddress] = []
  private var api: SocketAddress?

  /// Serves until it is told to end and has drained. Returns the exit code.
  func run() -> Int32 {
    for worker in workers { worker.start(arrivals) }
    sayWhatListens()
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
    logger.info("stopped")
    return 0
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
        "workers": "\(workers.count)", "sandboxes": "\(configuration.runner.sandboxes.count)",
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

  private static func load(
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
  static func tryTLS(_ configuration: Configuration) throws(TLSError) -> [String] {
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

  private func loadAndWarn(_ entries: [Configuration.TLSCertificate]) throws(TLSError) -> [LoadedCertificate] {
    try Server.load(entries) { logger.warn("\($1)", ["certificate": $0]) }
  }

  // MARK: Signals

  private func watchSignals() {
    for number in [SIGTERM, SIGINT] {
      signals.append(SignalWatcher(loop: control.loop, signal: number) { [unowned self] in drain() })
    }
    signals.append(
      SignalWatcher(loop: control.loop, signal: SIGHUP) { [unowned self] in
        accessLog?.requestReopen()
        reload()
      })
  }

  /// First signal: finish what is running. Second: now.
  private func drain() {
    if isDraining {
      logger.warn("stopped before everything was finished")
      accessLog?.stop()
      exit(1)
    }
    isDraining = true
    logger.info(
      "draining: nothing new is accepted; a second signal stops at once",
      ["limit": "\(configuration.timeouts.drainMs) ms"])
    for worker in workers { worker.send(.drain) }
  }

  private func workerDrained() {
    drained += 1
    if drained == workers.count { control.loop.stop() }
  }

  // MARK: Reload

  private func reload() {
    let next: Configuration
    do {
      next = try readAgain()
    } catch {
      logger.error("the new configuration is refused, the old one goes on\n\(error)")
      return
    }
    for key in next.restartNeeded(comparedTo: configuration) {
      logger.warn("a change that needs a restart is left out", ["key": key])
    }
    do {
      try apply(next)
    } catch {
      logger.error("the new configuration is refused, the old one goes on\n\(error)")
    }
  }

  /// All of it or nothing: what can fail comes first.
  private func apply(_ next: Configuration) throws {
    let certificates = try loadAndWarn(next.tls)
    var contexts: [(SocketAddress, TLSServerSettings)] = []
    var renewed = listeners
    for index in renewed.indices {
      // By address: the order in the file means nothing. Port 0 several times can only be told apart by place.
      let own = renewed[index].settings.address
      let inPlace = next.listen.https.indices.contains(index) ? next.listen.https[index] : nil
      guard let listener = inPlace?.address == own ? inPlace : next.listen.https.first(where: { $0.address == own })
      else { continue }
      let tls = try TLSServerSettings(next, listener, certificates, tickets)
      _ = try TLSContext(tls)
      contexts.append((renewed[index].address, tls))
      renewed[index].settings.clientCertificates = listener.clientCertificates
    }

    var changes: [RouteChange] = []
    var kept: [String: (route: Configuration.Route, target: UpstreamTarget)] = [:]
    for route in next.routes {
      let host = route.host.description
      if let old = gateways[host], old.route == route {
        kept[host] = old
      } else {
        let target = UpstreamTarget(route)
        kept[host] = (route, target)
        changes.append(.putGateway(host: host, target))
      }
    }
    for host in gateways.keys where kept[host] == nil { changes.append(.removeGateway(host: host)) }
    let trust = try UpstreamTrust(kept)

    // From here on nothing fails.
    let difference = runner.reload(next.runner.sandboxes.map(StaticSandbox.init))
    changes += (difference.added + difference.changed).map { .putSandbox($0) }
    changes += difference.removed.map { .removeSandbox($0) }
    listeners = renewed
    gateways = kept
    table = table.applying(changes)
    if next.domains != configuration.domains { table = table.replacingDomains(next.domains) }

    // What needs a restart stays as it is, and is reported again at the next reload.
    var running = next
    running.workers = configuration.workers
    running.listen = configuration.listen
    running.listen.https = listeners.map(\.settings)
    running.store = configuration.store
    running.tlsOptions.ticketRotationMs = configuration.tlsOptions.ticketRotationMs
    running.log.access = configuration.log.access
    running.log.accessFile = configuration.log.accessFile
    configuration = running

    let settings = engineSettings(running)
    for worker in workers {
      worker.send(.trust(trust))
      worker.send(.table(table, touched: next.runner.sandboxes.map(\.id)))
      worker.send(.settings(settings))
      for (address, tls) in contexts { worker.send(.tls(address, tls)) }
    }
    if let level = Logger.Level(rawValue: next.log.level.rawValue) { logger.level = level }
    watchCertificates()
    logger.info(
      "configuration reloaded",
      ["sandboxes": "\(next.runner.sandboxes.count)", "routes": "\(next.routes.count)", "changes": "\(changes.count)"])
  }

  /// Certificates are read again when a file in their folders changes. Tools write several files, one after another:
  /// half a second of quiet says that they are done.
  private func watchCertificates() {
    watchers = []
    var folders: Set<String> = []
    for entry in configuration.tls {
      for file in [entry.certificate, entry.key, entry.ocsp].compactMap(\.self) {
        folders.insert(Server.folder(of: file))
      }
    }
    for folder in folders.sorted() {
      let watcher = FolderWatcher(loop: control.loop, folder: folder) { [unowned self] in
        reloadPending?.stop()
        reloadPending = LoopTimer(loop: control.loop, afterMs: 500) { [unowned self] in reloadCertificates() }
      }
      if let watcher {
        watchers.append(watcher)
      } else {
        logger.warn("cannot watch for new certificates; send SIGHUP instead", ["folder": folder])
      }
    }
    certificateStamp = Server.stamp(configuration.tls)
  }

  private var certificateStamp: [String] = []

  private func reloadCertificates() {
    let stamp = Server.stamp(configuration.tls)
    guard stamp != certificateStamp else { return }
    certificateStamp = stamp
    do {
      let certificates = try loadAndWarn(configuration.tls)
      var contexts: [(SocketAddress, TLSServerSettings)] = []
      for bound in listeners {
        let tls = try TLSServerSettings(configuration, bound.settings, certificates, tickets)
        _ = try TLSContext(tls)
        contexts.append((bound.address, tls))
      }
      for worker in workers { for (address, tls) in contexts { worker.send(.tls(address, tls)) } }
      logger.info("certificates reloaded", ["certificates": "\(certificates.count)"])
    } catch {
      logger.error("the new certificates are refused, the old ones go on: \(error)")
    }
  }

  private static func folder(of file: String) -> String {
    guard let slash = file.lastIndex(of: "/") else { return "." }
    return slash == file.startIndex ? "/" : String(file[..<slash])
  }

  /// What changes when a file is replaced or written: enough to tell a certificate's change from its neighbours'.
  private static func stamp(_ entries: [Configuration.TLSCertificate]) -> [String] {
    entries.flatMap { [$0.certificate, $0.key, $0.ocsp].compactMap(\.self) }.map { file in
      var info = stat()
      guard stat(file, &info) == 0 else { return file + " missing" }
      return "\(file) \(info.st_ino) \(info.st_size) \(info.st_mtim.tv_sec).\(info.st_mtim.tv_nsec)"
    }
  }

  // MARK: The api listener

  private func answer(_ request: LocalCall) -> LocalResponse {
    guard request.method == "GET" || request.method == "HEAD" else {
      return LocalResponse(status: 405, headers: [("allow", "GET, HEAD"), ("content-type", "text/plain")], body: [])
    }
    switch request.path {
    case "/healthz": return LocalResponse(status: 200, contentType: "text/plain; charset=utf-8", text: "ok\n")
    case "/readyz":
      return isDraining
        ? LocalResponse(status: 503, contentType: "text/plain; charset=utf-8", text: "draining\n")
        : LocalResponse(status: 200, contentType: "text/plain; charset=utf-8", text: "ready\n")
    case "/metrics": return metrics()
    default:
      return LocalResponse(
        status: 404, contentType: "application/problem+json",
        text:
          #"{"type":"about:blank","title":"Not Found","status":404,"detail":"This listener serves /healthz, /readyz and /metrics."}"#
      )
    }
  }

  private func metrics() -> LocalResponse {
    var text = PrometheusText()
    text.add(version: Version.number)
    text.add(workers: workers.map(\.counters))
    if let accessLog { text.add(accessLog: accessLog.totals) }
    if let figures = ProcessFigures.current() { text.add(process: figures) }
    return LocalResponse(
      status: 200, headers: [("content-type", "\(PrometheusText.contentType)"), ("cache-control", "no-store")],
      body: text.bytes)
  }
}
