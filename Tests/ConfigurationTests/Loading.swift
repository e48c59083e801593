import Bytes
import Glibc
import Sandbox
import Settings
import StaticRunner

@testable import Configuration

/// A folder of its own for one test, with the files that configurations name.
final class TemporaryFolder {
  let path: String

  init(files: [String] = ["cert.pem", "key.pem"]) {
    var template = Array("/tmp/porthole-configuration-XXXXXX".utf8CString)
    path = String(cString: mkdtemp(&template)!)
    for file in files { write(file, "test\n") }
  }

  @discardableResult
  func write(_ name: String, _ text: String) -> String {
    var folder = ""
    for part in name.split(separator: "/").dropLast() {
      folder += "/\(part)"
      mkdir(path + folder, 0o755)
    }
    let file = fopen("\(path)/\(name)", "w")!
    fwrite(text, 1, text.utf8.count, file)
    fclose(file)
    return "\(path)/\(name)"
  }

  deinit { Self.remove(path) }

  private static func remove(_ path: String) {
    guard let folder = opendir(path) else {
      unlink(path)
      return
    }
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { remove("\(path)/\(name)") }
    }
    closedir(folder)
    rmdir(path)
  }
}

/// The least that loads: one domain and one certificate. Tests add the line they are about.
let minimal = """
  domains: [preview.localhost]
  tls: [{certificate: cert.pem, key: key.pem}]

  """

/// The runner that all the tests here read options of.
let runners: [any RunnerPlugin] = [StaticRunnerPlugin()]

func load(
  _ yaml: String?, _ environment: [String: String] = [:], in folder: TemporaryFolder = TemporaryFolder(),
  resolveName: @escaping (String) -> Result<IPAddress, NameLookup.Failure> = { _ in
    .failure(.init(reason: "unknown in tests"))
  }
) throws -> Configuration {
  let path = yaml.map { folder.write("porthole.yaml", $0) }
  return try Configuration.load(path: path, environment: environment, runners: runners, resolveName: resolveName)
}

/// The problems as printed, with the folder cut off so that they can be compared whole.
func problems(_ yaml: String?, _ environment: [String: String] = [:], in folder: TemporaryFolder = TemporaryFolder())
  -> [String]
{
  do {
    _ = try load(yaml, environment, in: folder)
    return []
  } catch let error as ConfigurationError {
    return error.problems.map { $0.description.replacing("\(folder.path)/", with: "") }
  } catch {
    return ["\(error)"]
  }
}
