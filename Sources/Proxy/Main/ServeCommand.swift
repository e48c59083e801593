import ArgumentParser
import Configuration
import Glibc
import HTTP
import Loop
import ProxyEngine
import Router
import Telemetry

struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Run the proxy.",
    discussion: """
      Stays in the foreground. SIGTERM drains: no new connections, open
      requests may finish. SIGHUP reads the configuration and the certificates
      again; a wrong one is refused, and the old one goes on.

      Examples:
        porthole serve --config porthole.yaml
        PORTHOLE_WORKERS=2 porthole serve --log-level debug
      """)

  @OptionGroup var options: ConfigurationOptions

  @Option(name: .customLong("log-level"), help: "What to report; wins over log.level.")
  var logLevel: Configuration.Log.Level?

  func run() throws {
    let loaded = try options.loadOrFail()
    try Server.runOrFail(applying(loaded.configuration)) { () throws(ConfigurationError) in
      applying(try options.load().configuration)
    }
  }

  private func applying(_ configuration: Configuration) -> Configuration {
    var configuration = configuration
    if let logLevel { configuration.log.level = logLevel }
    return configuration
  }
}

extension Server {
  /// Runs until a signal ends it, and ends the process with the server's status.
  ///
  /// - Parameter reload: reads the configuration again, on SIGHUP.
  nonisolated static func runOrFail(
    _ configuration: Configuration, reload: @escaping () throws(ConfigurationError) -> Configuration
  ) throws(CommandFailure) -> Never {
    let status: Int32
    do {
      let logger = Logger(level: Logger.Level(rawValue: configuration.log.level.rawValue) ?? .info)
      let control = Worker(
        index: -1, settings: EngineSettings(configuration), table: .empty,
        counters: WorkerCounters(refusalWords: Refusal.allCases.map(\.word)), log: nil)
      ControlLoop.attach(control.loop)
      // This thread is the control loop's from here on, and nobody else has seen these.
      nonisolated(unsafe) let (given, again) = (control, reload)
      status = try ControlLoop.assumeHere {
        try Server(configuration, control: given, reload: again, logger: logger).run()
      }
    } catch {
      throw CommandFailure("porthole: \(error)")
    }
    Glibc.exit(status)
  }
}
