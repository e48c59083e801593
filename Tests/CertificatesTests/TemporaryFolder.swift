import Glibc

/// A folder of its own for one test.
final class TemporaryFolder {
  let path: String

  init() {
    var template = Array("/tmp/porthole-certificates-XXXXXX".utf8CString)
    path = String(cString: mkdtemp(&template)!)
  }

  deinit { _ = run("rm -rf '\(path)'") }
}

/// The permission bits of a file; nil where there is none.
func mode(_ path: String) -> mode_t? {
  var status = stat()
  return stat(path, &status) == 0 ? status.st_mode & 0o777 : nil
}

/// Runs a shell command and answers its status and everything it printed.
func run(_ command: String) -> (status: Int32, output: String) {
  guard let stream = popen("\(command) 2>&1", "r") else { return (-1, "") }
  var bytes: [UInt8] = []
  while case let byte = fgetc(stream), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
  return (pclose(stream), String(decoding: bytes, as: UTF8.self))
}
