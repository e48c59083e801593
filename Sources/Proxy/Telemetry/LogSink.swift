internal import Glibc

/// Where the access log goes.
public enum AccessLogOutput: Sendable, Equatable {
  /// A descriptor that somebody else owns and keeps open, such as standard output.
  case descriptor(Int32)
  /// A file that is appended to, made where it is missing, and opened again on request.
  case file(path: String)
}

/// Why a log could not be opened or written. The text is the system's.
public struct LogOutputError: Error, CustomStringConvertible, Equatable {
  public let path: String
  public let errorNumber: Int32
  public var description: String { "\(path): \(String(cString: strerror(errorNumber)))" }
}

/// Writes whole chunks to a descriptor of any kind, and can be told to give up on one that nobody reads.
struct LogSink: ~Copyable {
  private enum Kind {
    /// A write returns at once, as far as any write does.
    case regular
    /// A pipe, a terminal: a write may wait for a reader.
    case stream
    case socket
  }

  private let output: AccessLogOutput
  private var descriptor: Int32
  private var kind: Kind
  /// Whether the last write ended inside a line: the next one begins with a line feed, so that one line is lost, not two.
  private var lineIsTorn = false

  /// POSIX: when poll(2) says that a pipe is writable, a write of this much does not wait, and is not torn apart.
  private static let pipePieceBytes = 4_096
  private static let pollMs: Int32 = 100

  init(_ output: AccessLogOutput) throws(LogOutputError) {
    self.output = output
    descriptor = try LogSink.open(output)
    kind = LogSink.kind(of: descriptor)
  }

  deinit {
    if case .file = output { close(descriptor) }
  }

  /// Opens the file again by its name, which after a rotation is another file. On failure the old one stays in use.
  mutating func reopen() throws(LogOutputError) {
    guard case .file = output else { return }
    let fresh = try LogSink.open(output)
    close(descriptor)
    descriptor = fresh
    kind = LogSink.kind(of: fresh)
    lineIsTorn = false
  }

  /// Writes everything, or says why not. `shouldGiveUp` is asked while a reader keeps us waiting.
  mutating func write(_ text: UnsafeBufferPointer<UInt8>, shouldGiveUp: () -> Bool) -> Int32? {
    if lineIsTorn {
      let lineFeed: StaticString = "\n"
      let rest = UnsafeBufferPointer(start: lineFeed.utf8Start, count: 1)
      if let failure = writeAll(rest, shouldGiveUp) { return failure }
    }
    return writeAll(text, shouldGiveUp)
  }

  private mutating func writeAll(_ text: UnsafeBufferPointer<UInt8>, _ shouldGiveUp: () -> Bool) -> Int32? {
    var sent = 0
    while sent < text.count {
      let piece = nextPiece(UnsafeBufferPointer(rebasing: text[sent...]))
      if kind != .regular {
        let isLastTry = shouldGiveUp()
        guard isWritable(withinMs: isLastTry ? 0 : LogSink.pollMs) else {
          if isLastTry { return EAGAIN }
          continue
        }
      }
      let count =
        kind == .socket
        ? send(descriptor, piece.baseAddress, piece.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
        : Glibc.write(descriptor, piece.baseAddress, piece.count)
      if count > 0 {
        sent += count
        lineIsTorn = text[sent - 1] != UInt8(ascii: "\n")
      } else if count < 0, errno != EINTR, errno != EAGAIN {
        return errno
      }
    }
    return nil
  }

  /// As many whole lines as a pipe takes at once; a line that is longer goes in parts.
  private func nextPiece(_ text: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
    guard kind != .regular, text.count > LogSink.pipePieceBytes else { return text }
    let piece = UnsafeBufferPointer(rebasing: text[..<LogSink.pipePieceBytes])
    guard let lineFeed = piece.lastIndex(of: UInt8(ascii: "\n")) else { return piece }
    return UnsafeBufferPointer(rebasing: piece[...lineFeed])
  }

  private func isWritable(withinMs timeout: Int32) -> Bool {
    var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&request, 1, timeout) > 0
  }

  private static func open(_ output: AccessLogOutput) throws(LogOutputError) -> Int32 {
    switch output {
    case .descriptor(let descriptor): return descriptor
    case .file(let path):
      // Not for everybody to read: it says who visited what.
      let descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
      guard descriptor >= 0 else { throw LogOutputError(path: path, errorNumber: errno) }
      return descriptor
    }
  }

  private static func kind(of descriptor: Int32) -> Kind {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return .stream }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .regular
    case S_IFSOCK: return .socket
    default: return .stream
    }
  }
}
