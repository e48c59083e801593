public import Sandbox

extension MemoryRunner {
  private static let chunkBytes = 65536

  public func readFile(
    _ id: SandboxID, path: String, deadline: Deadline, output: @escaping @Sendable ([UInt8]) async throws -> Void
  ) async throws(RunnerError) {
    let (sandbox, path) = try await ready(id, path, deadline)
    let bytes = try sandbox.withFiles { files throws(RunnerError) in try files.read(path) }
    try await withDeadline(deadline) { () throws(RunnerError) in
      var rest = bytes[...]
      while !rest.isEmpty, !Task.isCancelled {
        do {
          try await output(Array(rest.prefix(MemoryRunner.chunkBytes)))
        } catch {
          throw .failed("the bytes of \(path) were not taken: \(error)")
        }
        rest = rest.dropFirst(MemoryRunner.chunkBytes)
      }
    }
  }

  public func writeFile(
    _ id: SandboxID, path: String, mode: UInt32?, deadline: Deadline,
    input: @escaping @Sendable () async throws -> [UInt8]?
  ) async throws(RunnerError) {
    let (sandbox, path) = try await ready(id, path, deadline)
    try await withDeadline(deadline) { () throws(RunnerError) in
      var bytes: [UInt8] = []
      do {
        while let more = try await input() {
          bytes += more
          if bytes.count > MemoryFiles.bytesMax {
            throw RunnerError.exhausted("the sandbox has \(MemoryFiles.bytesMax >> 20) MiB for files")
          }
        }
      } catch let error as RunnerError {
        throw error
      } catch {
        throw .failed("the bytes for \(path) did not come: \(error)")
      }
      // Whoever asked for it was told that it is not done.
      if Task.isCancelled { throw .failed("it was cancelled") }
      try sandbox.mustRun()
      let all = bytes
      try sandbox.withFiles { files throws(RunnerError) in
        try files.write(path, all, mode: mode, nowMs: MemorySandbox.nowMs)
      }
    }
  }

  public func listFolder(_ id: SandboxID, path: String, deadline: Deadline) async throws(RunnerError) -> [FileInfo] {
    let (sandbox, path) = try await ready(id, path, deadline)
    return try sandbox.withFiles { files throws(RunnerError) in try files.list(path) }
  }

  public func fileInfo(_ id: SandboxID, path: String, deadline: Deadline) async throws(RunnerError) -> FileInfo {
    let (sandbox, path) = try await ready(id, path, deadline)
    return try sandbox.withFiles { files throws(RunnerError) in try files.info(path) }
  }

  public func removeFile(
    _ id: SandboxID, path: String, recursive: Bool, deadline: Deadline
  ) async throws(RunnerError) {
    let (sandbox, path) = try await ready(id, path, deadline)
    try sandbox.withFiles { files throws(RunnerError) in try files.remove(path, recursive: recursive) }
  }

  public func renameFile(
    _ id: SandboxID, from: String, to: String, deadline: Deadline
  ) async throws(RunnerError) {
    let target = try MemoryFiles.absolute(to)
    let (sandbox, path) = try await ready(id, from, deadline)
    try sandbox.withFiles { files throws(RunnerError) in
      try files.rename(path, to: target, nowMs: MemorySandbox.nowMs)
    }
  }

  /// The sandbox whose files can be got at, and the path in it.
  private func ready(
    _ id: SandboxID, _ path: String, _ deadline: Deadline
  ) async throws(RunnerError) -> (MemorySandbox, String) {
    let path = try MemoryFiles.absolute(path)
    let sandbox = try running(id)
    try await host.hinder(.files, sandbox, deadline)
    try sandbox.mustRun()
    return (sandbox, path)
  }
}
