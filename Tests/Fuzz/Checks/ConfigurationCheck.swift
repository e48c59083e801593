import Glibc
import Settings
import StaticRunner

@testable import Configuration

/// Any file is either a configuration or a list of problems with places.
enum ConfigurationCheck {
  /// The loader takes a path. The file has lost its name already, so that nothing is left behind.
  private static let file: Int32 = {
    var name = Array("/tmp/porthole-fuzz-XXXXXX".utf8CString)
    let descriptor = mkstemp(&name)
    unlink(name)
    return descriptor
  }()

  static func run(_ input: UnsafeBufferPointer<UInt8>) -> String? {
    ftruncate(file, 0)
    guard pwrite(file, input.baseAddress ?? UnsafePointer(bitPattern: 1)!, input.count, 0) == input.count else {
      return nil
    }
    do {
      let path = "/proc/self/fd/\(file)"
      _ = try Configuration.load(path: path, environment: [:], runners: [StaticRunnerPlugin()]) { _ in
        .failure(.init(reason: "unknown here"))
      }
      return nil
    } catch {
      guard !error.problems.isEmpty else { return "refused without a reason" }
      for problem in error.problems {
        if problem.message.isEmpty { return "a problem without words" }
        if problem.description.unicodeScalars.contains(where: { $0.value < 0x20 && $0 != "\n" }) {
          return "control bytes in \(problem)"
        }
      }
      return nil
    }
  }
}
