internal import Glibc
internal import Synchronization

/// Our own lines for whoever runs Porthole: start-up, reloads, trouble. Not for anything that happens per request.
///
/// `2026-11-21T10:00:00.123Z info  listening address=127.0.0.1:8443`
///
/// Any thread may call it. A line is one write(2); when nobody reads standard error it is dropped and counted instead
/// of holding a worker up. (The process ignores SIGPIPE.) Values may come from peers: anything that could forge a line or drive a terminal is escaped.
public final class Logger: Sendable {
  public enum Level: String, Sendable, CaseIterable, Comparable {
    case error, warn, info, debug

    /// Its place in `allCases`.
    fileprivate var rank: UInt8 {
      switch self {
      case .error: 0
      case .warn: 1
      case .info: 2
      case .debug: 3
      }
    }

    /// Less is more urgent.
    public static func < (one: Level, other: Level) -> Bool { one.rank < other.rank }
  }

  /// A pipe takes this much in one piece (PIPE_BUF), so lines of several processes do not mix.
  static let lineBytesMax = 4_096

  private let descriptor: Int32
  /// Holds `Level.rank`.
  private let threshold: Atomic<UInt8>
  /// Lines dropped since the last that could be written. The lock keeps lines whole; it is never held while waiting.
  private let dropped = Mutex<UInt64>(0)

  public init(level: Level = .info, descriptor: Int32 = 2) {
    self.descriptor = descriptor
    threshold = Atomic(level.rank)
  }

  /// May be changed while running, by a reload.
  public var level: Level {
    get { Level.allCases[Int(threshold.load(ordering: .relaxed))] }
    set { threshold.store(newValue.rank, ordering: .relaxed) }
  }

  public typealias Fields = KeyValuePairs<String, String>

  public func error(_ message: String, _ fields: @autoclosure () -> Fields = [:]) { log(.error, message, fields) }
  public func warn(_ message: String, _ fields: @autoclosure () -> Fields = [:]) { log(.warn, message, fields) }
  public func info(_ message: String, _ fields: @autoclosure () -> Fields = [:]) { log(.info, message, fields) }

  /// Message and fields are not even made where debug lines are not wanted.
  public func debug(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = [:]) {
    if level >= .debug { log(.debug, message(), fields) }
  }

  private func log(_ level: Level, _ message: String, _ fields: () -> Fields) {
    guard level <= self.level else { return }
    let line = LogLine.bytes(timeNs: Clock.realtimeNs(), level, message, fields(), bytesMax: Logger.lineBytesMax)
    dropped.withLock { dropped in
      if dropped > 0 {
        let notice = LogLine.bytes(
          timeNs: Clock.realtimeNs(), .warn, "log lines were dropped", ["lines": "\(dropped)"],
          bytesMax: Logger.lineBytesMax)
        if write(notice) { dropped = 0 }
      }
      if !write(line) { dropped += 1 }
    }
  }

  private func write(_ line: [UInt8]) -> Bool {
    var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    guard poll(&request, 1, 0) > 0 else { return false }
    return Glibc.write(descriptor, line, line.count) == line.count
  }
}
