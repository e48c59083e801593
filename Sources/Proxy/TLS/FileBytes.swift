internal import Glibc

/// Reads small files whole, with errors that an operator can act on.
enum FileBytes {
  /// Chains and CA bundles are some hundred KiB at most; more is the wrong file.
  static let countMax = 4 << 20

  static func read(_ path: String, what: String) throws(TLSError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw failure(errno, path, what) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw failure(errno, path, what) }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw TLSError("is a directory, not a \(what) file", path: path) }
    guard status.st_size <= countMax else { throw TLSError("is too large for a \(what) file", path: path) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    // The chunk may have held a private key.
    defer { explicit_bzero(&chunk, chunk.count) }
    while bytes.count <= countMax {
      let count = Glibc.read(file, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure(errno, path, what) }
      if count == 0 { return bytes }
      bytes += chunk[0..<count]
    }
    throw TLSError("is too large for a \(what) file", path: path)
  }

  /// Whether anybody on the machine may read the file.
  static func isWorldReadable(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IROTH != 0
  }

  private static func failure(_ code: Int32, _ path: String, _ what: String) -> TLSError {
    let problem = "the \(what) cannot be read: \(String(cString: strerror(code)))"
    switch code {
    case ENOENT:
      return TLSError(problem, path: path, advice: "Correct the path, or make a certificate with `porthole certs dev`")
    case EACCES: return TLSError(problem, path: path, advice: "Let the user that runs porthole read it")
    default: return TLSError(problem, path: path)
    }
  }
}
