import Glibc

/// The socket by which workers pass on requests to the control side, in a folder that nobody else can enter: whoever could
/// connect to it could say for whom they ask.
struct InternalSocket {
  let path: String
  private let folder: String

  /// In the runtime folder of the service or the user, or else in /tmp: socket paths may have 107 bytes (unix(7)).
  init() throws(CommandFailure) {
    let variables = ProcessEnvironment.variables()
    let parent = ["RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"].compactMap { variables[$0] }
      .first { $0.hasPrefix("/") && $0.utf8.count < 60 && access($0, W_OK) == 0 }
    var template = Array(((parent ?? "/tmp") + "/porthole-XXXXXX").utf8CString)
    // mkdtemp makes it with mode 0700.
    guard mkdtemp(&template) != nil else {
      let reason = String(cString: strerror(errno))
      throw CommandFailure("porthole: cannot make a folder for the control socket in \(parent ?? "/tmp"): \(reason)")
    }
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    path = folder + "/control.sock"
  }

  func remove() {
    unlink(path)
    rmdir(folder)
  }
}
