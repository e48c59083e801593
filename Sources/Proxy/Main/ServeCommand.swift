import ArgumentParser
import Configuration
import Glibc

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
    try Server.runOrFail(configuration, path: loaded.path)
  }
}

extension Server {
  /// Ends the process with the server's status.
  static func runOrFail(_ configuration: Configuration, path: String?) throws(CommandFailure) -> Never {
    let status: Int32
    do {
      status = try run(configuration, path: path)
    } catch {
      throw CommandFailure("porthole: \(error)")
    }
    Glibc.exit(status)
  }
}
