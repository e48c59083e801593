/// A command to run inside a sandbox.
public struct ExecRequest: Hashable, Sendable {
  /// Given to `/bin/sh -c`.
  public var command: String
  /// Nil: the image's.
  public var cwd: String?
  /// On top of the sandbox's own.
  public var env: [String: String]
  public var stdin: [UInt8]
  /// Name or number; nil: the image's.
  public var user: String?

  public init(
    command: String, cwd: String? = nil, env: [String: String] = [:], stdin: [UInt8] = [], user: String? = nil
  ) {
    self.command = command
    self.cwd = cwd
    self.env = env
    self.stdin = stdin
    self.user = user
  }
}

/// A piece of output, in the order in which it came.
public enum ExecOutput: Hashable, Sendable {
  case stdout([UInt8])
  case stderr([UInt8])
}

/// How a command ended.
public enum ExecStatus: Hashable, Sendable {
  case exited(Int32)
  /// The number of the signal that ended it.
  case signalled(Int32)

  /// What a shell would say: 128 and the signal's number for what a signal ended.
  public var exitCode: Int32 {
    switch self {
    case .exited(let code): code
    case .signalled(let number): 128 + number
    }
  }
}

/// A background process.
public struct ProcessInfo: Hashable, Sendable {
  /// Unique within the sandbox, never reused in it.
  public var pid: Int
  public var command: String
  /// Milliseconds since 1970.
  public var startedAtMs: UInt64
  /// Nil while it runs.
  public var status: ExecStatus?

  public init(pid: Int, command: String, startedAtMs: UInt64, status: ExecStatus? = nil) {
    self.pid = pid
    self.command = command
    self.startedAtMs = startedAtMs
    self.status = status
  }
}

/// An entry of a folder.
public struct FileInfo: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable { case file, folder = "directory", link = "symlink", other }

  /// Without the folder.
  public var name: String
  public var kind: Kind
  public var sizeBytes: UInt64
  /// Permission bits.
  public var mode: UInt32
  /// Milliseconds since 1970.
  public var modifiedAtMs: UInt64

  public init(name: String, kind: Kind, sizeBytes: UInt64 = 0, mode: UInt32 = 0o644, modifiedAtMs: UInt64 = 0) {
    self.name = name
    self.kind = kind
    self.sizeBytes = sizeBytes
    self.mode = mode
    self.modifiedAtMs = modifiedAtMs
  }
}
