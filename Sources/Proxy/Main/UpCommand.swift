import ArgumentParser
import Bytes
import Certificates
import Configuration
import Demo
import Sandbox
import Settings
import StaticRunner

struct UpCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up",
    abstract: "All of it on this machine, with a demo and its preview URL.",
    discussion: """
      Everything listens on loopback, and nothing is stored but the
      certificates. Names below .localhost lead to this machine in every
      browser without any set-up. A port that is taken is replaced by the next
      free one, unless you asked for it.

      Examples:
        porthole up
        porthole up --https-port 9443 --quiet
      """)

  @Option(help: "The domain below which the preview host lives.") var domain = DevelopmentCertificates.defaultDomain

  @Option(help: ArgumentHelp("The port for https. Default: 8443.", valueName: "port")) var httpsPort: UInt16?
  @Option(help: ArgumentHelp("The port that redirects to https. Default: 8080.", valueName: "port")) var httpPort:
    UInt16?
  @Option(help: ArgumentHelp("The port for the control API and metrics. Default: 8440.", valueName: "port"))
  var apiPort: UInt16?
  @Option(help: ArgumentHelp("The port of the demo application. Default: 3000.", valueName: "port")) var demoPort:
    UInt16?

  @Option(
    name: .customLong("certs"), help: ArgumentHelp("The folder of the development certificates.", valueName: "folder"))
  var certificatesFolder = "certs/dev"

  @Option(name: .customLong("log-level"), help: "What to report.") var logLevel = Configuration.Log.Level.info

  @Flag(help: "Print no line per request.") var quiet = false

  func run() throws {
    let certificates = DevelopmentCertificates(folder: certificatesFolder)
    let made: DevelopmentCertificates.Outcome
    do { made = try certificates.ensure(.atLeast([domain])) } catch { throw CommandFailure("porthole: \(error)") }

    var ports = FreePort()
    let (https, http, api) = try UpCommand.listening {
      (
        try ports.find("https", wanted: httpsPort, usual: 8443), try ports.find("http", wanted: httpPort, usual: 8080),
        try ports.find("api", wanted: apiPort, usual: 8440)
      )
    }
    let demo = try startDemo(&ports)
    let configuration = try configuration(certificates, https: https, http: http, api: api, demo: demo)
    let host = configuration.domains[0]
    Terminal.print(
      UpCommand.banner(
        url: "https://\(demo)-demo.\(host)\(https == 443 ? "" : ":\(https)")/", api: api, notes: ports.notes,
        certificates, made))
    // There is no file to read again: SIGHUP renews certificates and the log file.
    try Server.runOrFail(configuration) { configuration }
  }

  private func configuration(
    _ certificates: DevelopmentCertificates, https: UInt16, http: UInt16, api: UInt16, demo: UInt16
  ) throws -> Configuration {
    func loopback(_ port: UInt16) -> SocketAddress { SocketAddress(ip: IPAddress(v4: 0x7F00_0001), port: port) }
    return Configuration(
      // The certificate was made for it, so it is a name.
      domains: [DNSName.normalized(domain) ?? domain],
      listen: .init(https: [.init(address: loopback(https))], http: [loopback(http)], api: loopback(api)),
      tls: [.init(certificate: certificates.certificatePath, key: certificates.keyPath)],
      runner: try .init(
        StaticRunnerPlugin(),
        RunnerOptions(["sandboxes": [["id": "demo", "ports": [["port": .integer(Int(demo)), "name": "demo"]]]]])),
      log: .init(level: logLevel, access: quiet ? .off : .common))
  }

  /// The demo binds at once, so trying is the way to find out. Below 1024 nothing can be exposed.
  private func startDemo(_ ports: inout FreePort) throws -> UInt16 {
    if let demoPort, demoPort < 1024 {
      throw CommandFailure("porthole: --demo-port has to be 1024 or more", status: .misuse)
    }
    let port = try UpCommand.listening { try ports.find("demo application", wanted: demoPort, usual: 3000) }
    do {
      let server = try DemoServer(port: port)
      server.start()
      return server.port
    } catch { throw CommandFailure("porthole: \(error)") }
  }

  private static func listening<R>(_ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let taken as FreePort.Taken {
      throw CommandFailure(
        "porthole: port \(taken.port) on 127.0.0.1 cannot be had; something else listens there, or it is not yours to take"
      )
    }
  }

  private static func banner(
    url: String, api: UInt16, notes: [String], _ certificates: DevelopmentCertificates,
    _ made: DevelopmentCertificates.Outcome
  ) -> String {
    var lines = ["", "  Preview URL   \(url)", "  Control API   http://127.0.0.1:\(api)/   (metrics, healthz, readyz)"]
    lines += notes.map { "  Note          \($0)" }
    lines += ["  From a shell  curl --cacert \(certificates.authorityPath) \(url)", ""]
    if made.authority == .kept {
      lines.append("Browsers warn until they trust \(certificates.authorityPath); `porthole certs dev` says how.")
    } else {
      lines.append(TrustAdvice.text(authorityPath: certificates.authorityPath))
    }
    return (lines + ["", "Ctrl-C ends it."]).joined(separator: "\n")
  }
}
