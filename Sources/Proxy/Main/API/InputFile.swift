import Client
import Glibc

/// A file, or standard input, to be sent piece by piece.
final class InputFile {
  static let standard = "-"

  /// In bytes; nil where it is no regular file, whose end nobody knows.
  let length: UInt64?
  private let descriptor: Int32
  private let name: String
  private let isOurs: Bool
  private static let pieceBytes = 65_536

  /// - Parameter path: `-` for standard input.
  init(_ path: String) throws(CommandFailure) {
    isOurs = path != InputFile.standard
    name = isOurs ? path : "standard input"
    descriptor = isOurs ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO
    var status = stat()
    guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
      throw CommandFailure("porthole: \(name): \(String(cString: strerror(errno)))")
    }
    guard status.st_mode & S_IFMT != S_IFDIR else {
      if isOurs { close(descriptor) }
      throw CommandFailure("porthole: \(name): is a folder; one file at a time, or an archive of it", status: .misuse)
    }
    // Standard input may have been read from by others before us: what is left of it is not its size.
    length = status.st_mode & S_IFMT == S_IFREG && isOurs ? UInt64(max(0, status.st_size)) : nil
  }

  deinit { if isOurs, descriptor >= 0 { close(descriptor) } }

  /// Nil at the end.
  func next() throws(ClientError) -> [UInt8]? {
    var problem: Int32 = 0
    let piece = [UInt8](unsafeUninitializedCapacity: InputFile.pieceBytes) { buffer, count in
      while true {
        let more = read(descriptor, buffer.baseAddress, buffer.count)
        if more < 0, errno == EINTR { continue }
        if more < 0 { problem = errno }
        count = max(0, more)
        return
      }
    }
    guard problem == 0 else { throw .source("\(name): \(String(cString: strerror(problem)))") }
    return piece.isEmpty ? nil : piece
  }

  /// The whole of it; nil where there is more than `limit`.
  func all(limit: Int) throws(ClientError) -> [UInt8]? {
    var all: [UInt8] = []
    while let piece = try next() {
      all += piece
      if all.count > limit { return nil }
    }
    return all
  }
}
