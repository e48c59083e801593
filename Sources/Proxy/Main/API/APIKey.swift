import Glibc

/// The key for the control API, and where it was found. The key itself is in no description of this.
struct APIKey: CustomStringConvertible {
  /// For the field `Authorization` only.
  let secret: String
  /// For messages: which variable or file it came from.
  let origin: String

  var description: String { origin }

  static let variable = "PORTHOLE_API_KEY"
  private static let bytesMax = 4096

  /// The option, then the variable, then the file below the home folder; nil where there is none of them.
  static func find(file: String?, environment: [String: String]) throws(CommandFailure) -> APIKey? {
    if let file { return try read(file) }
    if let text = environment[variable], !text.isEmpty { return try APIKey(text, origin: variable) }
    guard let path = usualPath(environment), access(path, F_OK) == 0 else { return nil }
    return try read(path)
  }

  static func usualPath(_ environment: [String: String]) -> String? {
    guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
    return home + "/.config/porthole/key"
  }

  private init(_ text: String, origin: String) throws(CommandFailure) {
    let trimmed = text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()
    secret = String(trimmed)
    self.origin = origin
    // What is no key must not be repeated all the same: it may be one with a typo.
    guard !secret.isEmpty, secret.utf8.count <= 512, secret.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw CommandFailure(
        "porthole: what \(origin) holds is no API key: one word of visible ASCII characters was expected",
        status: .misuse)
    }
  }

  /// Of a regular file, only if nobody else could have read it. (A pipe, such as a shell's `<(…)`, is nobody else's.)
  private static func read(_ path: String) throws(CommandFailure) -> APIKey {
    func failure(_ problem: String) -> CommandFailure {
      CommandFailure("porthole: \(path): \(problem)", status: .misuse)
    }

    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw failure("the API key cannot be read: \(String(cString: strerror(errno)))") }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw failure(String(cString: strerror(errno))) }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: throw failure("is a folder, not a file with an API key")
    case S_IFREG where status.st_mode & 0o077 != 0:
      throw failure(
        "others on this machine may read or change the API key in it; chmod 600 it, and revoke the key if they did")
    case S_IFREG where status.st_uid != geteuid() && status.st_uid != 0:
      throw failure("the API key in it belongs to another user")
    default: break
    }
    var bytes = [UInt8](repeating: 0, count: bytesMax + 1)
    var count = 0
    while count < bytes.count {
      let more = bytes.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress! + count, $0.count - count) }
      if more < 0, errno == EINTR { continue }
      guard more >= 0 else { throw failure(String(cString: strerror(errno))) }
      if more == 0 { break }
      count += more
    }
    guard count <= bytesMax else { throw failure("is too large for a file with an API key") }
    return try APIKey(String(decoding: bytes[..<count], as: UTF8.self), origin: path)
  }
}
