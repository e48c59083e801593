import ArgumentParser
import Configuration
import Glibc
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
    var configuration = loaded.configuration
    if let logLevel { configuration.log.level = logLevel }
    try Server.serve(configuration, path: loaded.path)
  }
}

extension Server {
  /// Runs until a signal ends it, and ends the process with its status.
  ///
  /// - Parameter path: the file to read again on SIGHUP; nil where the configuration came from the environment.
  static func serve(_ configuration: Configuration, path: String?) throws(CommandFailure) -> Never {
    let logger = Logger(level: Logger.Level(rawValue: configuration.log.level.rawValue) ?? .info)
    let server: Server
    do {
      server = try Server(configuration, path: path, environment: ProcessEnvironment.variables(), logger: logger)
    } catch {
      throw CommandFailure("porthole: \(error)")
    }
    Glibc.exit(server.run())
  }
}
