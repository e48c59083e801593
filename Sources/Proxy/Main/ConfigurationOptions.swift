import ArgumentParser
import Configuration
import Glibc

/// `--config`, for every command that needs a configuration.
struct ConfigurationOptions: ParsableArguments {
  static let defaultPath = "porthole.yaml"

  @Option(
    name: [.customShort("c"), .customLong("config")],
    help: ArgumentHelp(
      "The configuration file.",
      discussion: "Default: $PORTHOLE_CONFIG, else porthole.yaml here, else nothing but the environment.",
      valueName: "file"))
  var path: String?

  struct Loaded {
    let configuration: Configuration
    /// Nil where everything came from the environment.
    let path: String?
  }

  func load() throws(ConfigurationError) -> Loaded {
    let environment = ProcessEnvironment.variables()
    let path = resolvedPath(environment)
    let configuration = try Configuration.load(path: path, environment: environment, runners: Runners.all)
    return Loaded(configuration: configuration, path: path)
  }

  /// As `load`, with every problem on standard error and status 2.
  func loadOrFail() throws(CommandFailure) -> Loaded {
    do {
      return try load()
    } catch {
      throw CommandFailure(error.description + hint, status: .misuse)
    }
  }

  /// Without a file most keys are missing, and the reason is nearly always that the file is elsewhere.
  var hint: String {
    if resolvedPath(ProcessEnvironment.variables()) != nil { return "" }
    return "\nThere is no \(ConfigurationOptions.defaultPath) here; name the configuration file with --config."
  }

  private func resolvedPath(_ environment: [String: String]) -> String? {
    if let path { return path }
    if let path = environment["PORTHOLE_CONFIG"], !path.isEmpty { return path }
    return access(ConfigurationOptions.defaultPath, F_OK) == 0 ? ConfigurationOptions.defaultPath : nil
  }
}
