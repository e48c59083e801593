import Glibc
import Store

/// A folder of its own for one test.
final class TemporaryFolder: Sendable {
  let path: String

  init() {
    var template = Array("/tmp/porthole-store-XXXXXX".utf8CString)
    path = String(cString: mkdtemp(&template)!)
  }

  /// Of a store that a test may open, close and open again.
  var store: String { path + "/porthole.db" }
  func open() throws -> Store { try Store(.file(path: store)) }

  func write(_ name: String, _ text: String) {
    let file = fopen("\(path)/\(name)", "w")!
    fwrite(text, 1, text.utf8.count, file)
    fclose(file)
  }

  func text(_ name: String) -> String { String(decoding: bytes(name), as: UTF8.self) }

  /// The first of them; empty where there is no such file.
  func bytes(_ name: String) -> [UInt8] {
    guard let file = fopen("\(path)/\(name)", "r") else { return [] }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes[..<count])
  }

  /// Permission bits; nil where there is no such file.
  func mode(_ name: String) -> mode_t? {
    var status = stat()
    return stat("\(path)/\(name)", &status) == 0 ? status.st_mode & 0o7777 : nil
  }

  var names: [String] { TemporaryFolder.names(path).sorted() }

  deinit {
    for name in TemporaryFolder.names(path) { unlink("\(path)/\(name)") }
    rmdir(path)
  }

  private static func names(_ path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
