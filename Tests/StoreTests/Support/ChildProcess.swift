import Glibc

/// Another process of this very test binary, in which one test of `ChildTests` does what it was told by its environment.
/// It is killed when the test lets go of it.
final class ChildProcess {
  /// Names the store; the child's tests do nothing without it.
  static let pathVariable = "PORTHOLE_STORE_TESTS_CHILD"

  let process: pid_t
  private let output: Int32
  private var buffer: [UInt8] = []
  private var isReaped = false
  /// What the test library printed.
  private(set) var chatter = ""

  /// - Parameter test: the function's name in `ChildTests`.
  init?(_ test: String, store: String) {
    var ends: [Int32] = [0, 0]
    // Not a pipe: others start processes at the same time, and what those got of it would hide its end.
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { return nil }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    for stream in Int32(1)...2 { posix_spawn_file_actions_adddup2(&actions, ends[1], stream) }
    defer { posix_spawn_file_actions_destroy(&actions) }
    let words = ["tests", "--testing-library", "swift-testing", "--filter", "ChildTests/\(test)"]
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = [strdup("\(ChildProcess.pathVariable)=\(store)")]
    var next = environ
    while let variable = next.pointee {
      variables.append(strdup(variable))
      next += 1
    }
    variables.append(nil)
    defer { for text in arguments + variables { free(text) } }
    var child: pid_t = 0
    let isStarted = posix_spawn(&child, "/proc/self/exe", &actions, nil, &arguments, &variables) == 0
    close(ends[1])
    guard isStarted else {
      close(ends[0])
      return nil
    }
    process = child
    output = ends[0]
  }

  /// The next word of the child's; nil when it has ended.
  func next() -> String? {
    while let line = line() {
      if line.hasPrefix(ChildProcess.mark) { return String(line.dropFirst(ChildProcess.mark.count)) }
      chatter += line + "\n"
    }
    return nil
  }

  private func line() -> String? {
    while true {
      if let end = buffer.firstIndex(of: 0x0A) {
        defer { buffer.removeSubrange(...end) }
        return String(decoding: buffer[..<end], as: UTF8.self)
      }
      var chunk = [UInt8](repeating: 0, count: 65_536)
      let count = read(output, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      // What has no end of line was cut by the kill.
      if count <= 0 { return nil }
      buffer += chunk[..<count]
    }
  }

  func kill() {
    guard !isReaped else { return }
    Glibc.kill(process, SIGKILL)
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    isReaped = true
  }

  deinit {
    kill()
    close(output)
  }

  private static let mark = "porthole-child "

  /// In the child: one system call, so that a word is told whole or not at all.
  static func tell(_ word: String) {
    let line = Array("\(mark)\(word)\n".utf8)
    _ = line.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
  }
}
