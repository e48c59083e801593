import Bytes
import Configuration
import ControlPlane
import Glibc
import Loop
import ProxyEngine
import Router
import Sandbox
import TLS
import Telemetry

// What changes while the process runs: its configuration on SIGHUP, certificates whenever their files do.

extension Server {
  func reload() {
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

    // From here on nothing of ours fails; the runner says for itself what it cannot change.
    listeners = renewed
    gateways = kept
    var table = fleet.table.applying(changes)
    if next.domains != configuration.domains {
      table = table.replacingDomains(next.domains)
      plane.serve(domains: next.domains)
    }
    fleet.replace(table, touched: [])

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
      worker.send(.settings(settings))
      for (address, tls) in contexts { worker.send(.tls(address, tls)) }
    }
    if let level = Logger.Level(rawValue: next.log.level.rawValue) { logger.level = level }
    watchCertificates()
    let routesChanged = changes.count
    Task {
      do {
        for key in try await runner.reconfigure(next.runner.options) {
          logger.warn("a change that needs a restart is left out", ["key": key])
        }
      } catch {
        logger.error("the runner refuses its part of the new configuration: \(error)")
      }
      await plane.settled()
      logger.info("configuration reloaded", ["routes": "\(next.routes.count)", "changes": "\(routesChanged)"])
    }
  }

  /// Certificates are read again when a file in their folders changes. Tools write several files, one after another:
  /// half a second of quiet says that they are done.
  func watchCertificates() {
    watchers = []
    var folders: Set<String> = []
    for entry in configuration.tls {
      for file in [entry.certificate, entry.key, entry.ocsp].compactMap(\.self) {
        folders.insert(Server.folder(of: file))
      }
    }
    for folder in folders.sorted() {
      let watcher = FolderWatcher(loop: control.loop, folder: folder) { [unowned self] in
        ControlLoop.assumeHere { filesChanged() }
      }
      if let watcher {
        watchers.append(watcher)
      } else {
        logger.warn("cannot watch for new certificates; send SIGHUP instead", ["folder": folder])
      }
    }
    certificateStamp = Server.stamp(configuration.tls)
  }

  private func filesChanged() {
    reloadPending?.stop()
    reloadPending = LoopTimer(loop: control.loop, afterMs: 500) { [unowned self] in
      ControlLoop.assumeHere { reloadCertificates() }
    }
  }

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
}
