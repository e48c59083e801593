import Glibc

/// Files that appear whole or not at all, with their mode from the first moment on.
struct GuardedFile {
  let path: String

  init(_ path: String) { self.path = path }

  /// Nil where there is no such file.
  func read() throws(CertificateError) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16384)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count == 0 { return bytes }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
      bytes += chunk[..<count]
      // A chain with a hundred intermediates is a tenth of this.
      guard bytes.count <= 1 << 20 else { throw .unreadable(path: path, reason: "it is larger than 1 MiB") }
    }
  }

  /// Writes beside the target and renames: a reader sees the old bytes or the new ones, and a crash leaves either.
  func replace(with bytes: [UInt8], mode: mode_t) throws(CertificateError) {
    let temporary = "\(path).\(getpid()).tmp"
    unlink(temporary)  // Of an earlier process with our number, which died between the two steps below.
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
    guard descriptor >= 0 else { throw failure() }
    var error: CertificateError?
    // fchmod, because the umask may have taken bits away from 0644.
    if fchmod(descriptor, mode) != 0 || !GuardedFile.writeAll(bytes, to: descriptor) || fsync(descriptor) != 0 {
      error = failure()
    }
    close(descriptor)
    if error == nil, rename(temporary, path) != 0 { error = failure() }
    if let error {
      unlink(temporary)
      throw error
    }
  }

  /// Takes away what others may do, where a copy or a checkout was generous.
  func restrict(to mode: mode_t) throws(CertificateError) {
    var status = stat()
    guard stat(path, &status) == 0 else { throw failure() }
    if status.st_mode & 0o777 != mode, chmod(path, mode) != 0 { throw failure() }
  }

  static func makeFolder(_ path: String) throws(CertificateError) {
    var made = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      made += made.isEmpty || made.hasSuffix("/") ? String(part) : "/\(part)"
      if mkdir(made, 0o755) != 0, errno != EEXIST {
        throw .unwritable(path: made, reason: String(cString: strerror(errno)))
      }
    }
  }

  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + sent, $0.count - sent) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  private func failure() -> CertificateError { .unwritable(path: path, reason: String(cString: strerror(errno))) }
}
