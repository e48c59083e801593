import ArgumentParser
import Client

/// Where the control API is and how to be let in, for every command that asks it something.
///
/// The key has no option of its own: what is on a command line, everybody on the machine can read.
struct APIOptions: ParsableArguments {
  static let defaultURL = "http://127.0.0.1:8440"
  static let variable = "PORTHOLE_API_URL"

  @Option(
    name: .customLong("api"),
    help: ArgumentHelp(
      "The control API.", discussion: "Default: $\(variable), else \(defaultURL).", valueName: "url"))
  var url: String?

  @Option(
    name: .customLong("key-file"),
    help: ArgumentHelp(
      "A file with the API key, that only you may read.",
      discussion: "Default: the key in $\(APIKey.variable), else the file ~/.config/porthole/key.", valueName: "file"),
    completion: .file())
  var keyFile: String?

  @Option(
    name: .customLong("ca"),
    help: ArgumentHelp(
      "The authorities to trust for https, such as certs/dev/ca.pem. Default: the system's.", valueName: "file"),
    completion: .file())
  var caFile: String?

  func server() throws(CommandFailure) -> ServerURL {
    let variable = ProcessEnvironment.variables()[APIOptions.variable]
    let text = url ?? (variable.map { $0.isEmpty ? APIOptions.defaultURL : $0 } ?? APIOptions.defaultURL)
    do {
      return try ServerURL(text)
    } catch {
      let source = url == nil ? APIOptions.variable : "--api"
      throw CommandFailure("porthole: \(source): \(error)", status: .misuse)
    }
  }

  func key() throws(CommandFailure) -> APIKey? {
    try APIKey.find(file: keyFile, environment: ProcessEnvironment.variables())
  }

  /// - Parameter json: whether the command prints JSON; then a refusal goes to standard output as the API wrote it.
  func client(json: Bool) throws(CommandFailure) -> APIClient {
    guard let key = try key() else {
      throw CommandFailure(
        """
        porthole: there is no API key. Put it into \(APIKey.variable), or into a file that only you may read and name that \
        with --key-file, or call the file ~/.config/porthole/key. Porthole shows its first key once, when it first starts.
        """, status: .misuse)
    }
    return try client(key: key, json: json)
  }

  func client(key: APIKey, json: Bool) throws(CommandFailure) -> APIClient {
    let server = try server()
    if !server.isTLS, !server.isLoopback {
      Terminal.error("porthole: note: the API key goes to \(server.host) in clear; use https where others could listen")
    }
    return APIClient(
      http: HTTPClient(server: server, caFile: caFile, userAgent: "porthole/\(Version.number)"), key: key, json: json)
  }
}
