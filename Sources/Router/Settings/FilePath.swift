import Glibc

/// Paths and file contents, without Foundation.
public enum FilePath {
  public static var workingFolder: String {
    guard let raw = getcwd(nil, 0) else { return "/" }
    defer { free(raw) }
    return String(cString: raw)
  }

  /// `path` as it is when absolute, else below `folder`.
  public static func join(_ folder: String, _ path: String) -> String {
    if path.hasPrefix("/") { return path }
    var rest = path[...]
    while rest.hasPrefix("./") { rest = rest.dropFirst(2) }
    return folder.hasSuffix("/") ? folder + rest : "\(folder)/\(rest)"
  }

  public static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  public static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Why `path` is not a regular file that can be read; nil where it is one.
  public static func unreadable(_ path: String) -> String? {
    var status = stat()
    guard stat(path, &status) == 0 else { return reason(errno) }
    if status.st_mode & S_IFMT == S_IFDIR { return "it is a folder" }
    return access(path, R_OK) == 0 ? nil : reason(errno)
  }

  public struct Unreadable: Error { public let reason: String }

  public static func read(_ path: String) throws(Unreadable) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Unreadable(reason: reason(errno)) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count == 0 { return bytes }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Unreadable(reason: reason(errno)) }
      bytes += chunk[..<count]
      // No configuration is this long: it is the wrong file, or a device that never ends.
      guard bytes.count <= 16 << 20 else { throw Unreadable(reason: "it is larger than 16 MiB") }
    }
  }

  private static func reason(_ code: Int32) -> String {
    switch code {
    case ENOENT: "there is no such file"
    case EACCES: "permission denied"
    case EISDIR: "it is a folder"
    default: String(cString: strerror(code))
    }
  }
}
