internal import Sandbox

extension MemoryShell {
  /// - Returns: the status of the command.
  /// - Throws: a `RunnerError` becomes a line on standard error, a `Stop` ends the script.
  mutating func perform(_ name: String, _ arguments: [String]) async throws -> Int32 {
    switch name {
    case "true", ":": return 0
    case "false": return 1
    case "exit": throw Stop.exited(MemoryShell.code(arguments.first) ?? status)
    case "echo": try await echo(arguments)
    case "printf": try await printf(arguments)
    case "cat": try await cat(arguments)
    case "env":
      for (name, value) in env.sorted(by: { $0.key < $1.key }) { try await write("\(name)=\(value)\n") }
    case "pwd": try await write(cwd + "\n")
    case "cd": try changeFolder(arguments.first ?? MemoryFiles.workFolder)
    case "ls": try await list(arguments.first ?? ".")
    case "rm":
      let paths = arguments.filter { !$0.hasPrefix("-") }
      for path in paths { try remove(path, recursive: paths.count < arguments.count) }
    case "write":
      guard let path = arguments.first else { throw RunnerError.failed("expected a path and a text") }
      let (path_, bytes) = (
        try MemoryFiles.absolute(path, from: cwd), Array(arguments.dropFirst().joined(separator: " ").utf8)
      )
      let nowMs = sandbox.nowMs
      try sandbox.withFiles { files throws(RunnerError) in try files.write(path_, bytes, mode: nil, nowMs: nowMs) }
    case "sleep": return try await sleepCommand(arguments.first)
    case "kill": try kill(arguments)
    case "trap":
      // Only this much of it: whoever is asked to end politely does not.
      job.ignoreTerm()
    case "listen": try sandbox.listen(MemoryShell.port(arguments.first))
    case "unlisten": try sandbox.unlisten(MemoryShell.port(arguments.first))
    case "move": try sandbox.move()
    case "crash":
      sandbox.crash(reason: arguments.isEmpty ? "the sandbox was told to crash" : arguments.joined(separator: " "))
    case "panic":
      sandbox.panic(reason: arguments.isEmpty ? "the sandbox was told to panic" : arguments.joined(separator: " "))
    default:
      try await complain("sh: \(name): not found", 127)
      return status
    }
    try await checkpoint()
    return 0
  }

  private static func code(_ text: String?) -> Int32? {
    // As everywhere else, only eight bits of it arrive.
    text.flatMap { Int($0) }.map { Int32($0 & 0xFF) }
  }

  private static func port(_ text: String?) throws(RunnerError) -> UInt16 {
    guard let port = text.flatMap({ UInt16($0) }), port > 0 else { throw .failed("expected a port") }
    return port
  }

  // MARK: Text

  private mutating func echo(_ arguments: [String]) async throws(Stop) {
    let isOpen = arguments.first == "-n"
    try await write(arguments.dropFirst(isOpen ? 1 : 0).joined(separator: " ") + (isOpen ? "" : "\n"))
  }

  private mutating func printf(_ arguments: [String]) async throws {
    guard let format = arguments.first else { throw RunnerError.failed("expected a format") }
    var values = arguments.dropFirst()[...]
    try await write(MemoryShell.format(Array(format.utf8), &values))
  }

  /// `%s`, `%d`, `%%`, and the escapes `\n \t \r \\ \xHH`; anything else stays as it is.
  private static func format(_ format: [UInt8], _ values: inout ArraySlice<String>) -> [UInt8] {
    var out: [UInt8] = []
    var rest = format[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") || byte == UInt8(ascii: "\\"), let next = rest.first else {
        out.append(byte)
        continue
      }
      switch (byte, next) {
      case (UInt8(ascii: "%"), UInt8(ascii: "%")): out.append(next)
      case (UInt8(ascii: "%"), UInt8(ascii: "s")), (UInt8(ascii: "%"), UInt8(ascii: "d")):
        out += Array((values.popFirst() ?? "").utf8)
      case (UInt8(ascii: "\\"), UInt8(ascii: "n")): out.append(10)
      case (UInt8(ascii: "\\"), UInt8(ascii: "t")): out.append(9)
      case (UInt8(ascii: "\\"), UInt8(ascii: "r")): out.append(13)
      case (UInt8(ascii: "\\"), UInt8(ascii: "\\")): out.append(92)
      case (UInt8(ascii: "\\"), UInt8(ascii: "x")):
        let digits = rest.dropFirst().prefix(2)
        guard digits.count == 2, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) else {
          out.append(byte)
          continue
        }
        out.append(value)
        rest = rest.dropFirst(2)
      default:
        out.append(byte)
        continue
      }
      rest = rest.dropFirst()
    }
    return out
  }

  // MARK: Files

  private mutating func cat(_ paths: [String]) async throws {
    if paths.isEmpty { try await write(stdin) }
    for path in paths {
      if path == "-" {
        try await write(stdin)
        continue
      }
      let absolute = try MemoryFiles.absolute(path, from: cwd)
      try await write(sandbox.withFiles { files throws(RunnerError) in try files.read(absolute) })
    }
  }

  private mutating func list(_ path: String) async throws {
    let absolute = try MemoryFiles.absolute(path, from: cwd)
    let entries = try sandbox.withFiles { files throws(RunnerError) in try files.list(absolute) }
    for entry in entries { try await write(entry.name + "\n") }
  }

  private mutating func changeFolder(_ path: String) throws(RunnerError) {
    let absolute = try MemoryFiles.absolute(path, from: cwd)
    guard sandbox.withFiles({ $0.isFolder(absolute) }) else { throw .notFound("there is no folder \(absolute)") }
    cwd = absolute
  }

  private func remove(_ path: String, recursive: Bool) throws(RunnerError) {
    let absolute = try MemoryFiles.absolute(path, from: cwd)
    try sandbox.withFiles { files throws(RunnerError) in try files.remove(absolute, recursive: recursive) }
  }

  // MARK: Time and signals

  private mutating func sleepCommand(_ text: String?) async throws -> Int32 {
    guard let seconds = text.flatMap({ Double($0) }), (0...1e9).contains(seconds) else {
      throw RunnerError.failed("expected a number of seconds")
    }
    try await sleep(.seconds(seconds))
    return 0
  }

  /// `kill -TERM $$`, `kill -9 7`: this command, or a background process.
  private func kill(_ arguments: [String]) throws(RunnerError) {
    var words = arguments[...]
    var number: Int32 = 15
    if let first = words.first, first.hasPrefix("-") {
      guard let given = MemoryShell.signal(String(first.dropFirst())) else {
        throw .failed("there is no signal \(first)")
      }
      number = given
      words = words.dropFirst()
    }
    guard let pid = words.first.flatMap({ Int($0) }) else { throw .failed("expected a process") }
    if pid == job.pid {
      job.send(number)
    } else {
      try sandbox.process(pid).send(number)
    }
  }

  private static func signal(_ text: String) -> Int32? {
    let names: [String: Int32] = ["HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "USR1": 10, "USR2": 12, "TERM": 15]
    if let number = Int32(text) { return (1...64).contains(number) ? number : nil }
    return names[text.hasPrefix("SIG") ? String(text.dropFirst(3)) : text]
  }
}
