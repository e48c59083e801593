import Glibc

/// Where a download goes: a file that appears when all of it is there, or standard output.
struct OutputFile {
  private let path: String?
  private let temporary: String
  private let descriptor: Int32

  /// - Parameter path: nil or `-` for standard output.
  init(_ path: String?, named name: String) throws(CommandFailure) {
    guard let path, path != InputFile.standard else {
      self.path = nil
      temporary = ""
      descriptor = STDOUT_FILENO
      return
    }
    var status = stat()
    let isFolder = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    let target = isFolder ? "\(path)/\(name)" : path
    // In the same folder, so that renaming it replaces the file at once.
    var template = Array("\(target).XXXXXX".utf8CString)
    descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw CommandFailure("porthole: \(target): \(String(cString: strerror(errno)))") }
    self.path = target
    temporary = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    LeftOver.remember(temporary)
    // mkstemp lets only us read it; a file is for whomever the umask lets.
    let mask = umask(0)
    umask(mask)
    fchmod(descriptor, 0o666 & ~mask)
  }

  func write(_ piece: [UInt8]) throws(CommandFailure) {
    if Terminal.write(piece, to: descriptor) { return }
    throw CommandFailure("porthole: \(path ?? "standard output"): \(String(cString: strerror(errno)))")
  }

  func finish() throws(CommandFailure) {
    guard let path else { return }
    defer { LeftOver.forget() }
    guard close(descriptor) == 0, rename(temporary, path) == 0 else {
      let reason = String(cString: strerror(errno))
      unlink(temporary)
      throw CommandFailure("porthole: \(path): \(reason)")
    }
  }

  func abandon() {
    guard path != nil else { return }
    close(descriptor)
    unlink(temporary)
    LeftOver.forget()
  }
}

/// The file that a signal would leave behind.
private enum LeftOver {
  /// The handler may run at any moment and may neither allocate nor lock, so this is a C string that is never freed; there
  /// is one file per process, and only its thread writes here.
  nonisolated(unsafe) private static var path: UnsafeMutablePointer<CChar>?

  static func remember(_ text: String) {
    path = strdup(text)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      // Who had them ignored, as nohup does, wants that kept.
      if isIgnored(signal(number, SIG_IGN)) { continue }
      signal(number) { number in
        if let path = LeftOver.path { unlink(path) }
        signal(number, SIG_DFL)
        raise(number)
      }
    }
  }

  /// C's handlers cannot be compared in Swift; as the addresses that they are, they can.
  private static func isIgnored(_ handler: sighandler_t?) -> Bool {
    unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  static func forget() { path = nil }
}
