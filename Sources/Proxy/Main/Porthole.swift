import Configuration
import Glibc
import Telemetry
enum Version { static let text = "0.1.0" }
@main
struct Porthole {
  static func main() throws {
    let path = CommandLine.arguments.last!
    let configuration = try Configuration.load(path: path, environment: [:])
    let server = try Server(configuration, path: path, environment: [:], logger: Logger())
    exit(server.run())
  }
}
