internal import Sandbox
internal import Synchronization

extension RunnerConformance {
  static let files: [Rule] = [
    Rule("a file is read as it was written, whatever is in it", [.create, .files]) { bench in
      let (id, _) = try await bench.create()
      let contents: [(String, [UInt8])] = [
        ("empty", []), ("one", [0]), ("every", (0...255).map { UInt8($0) }), ("lines", Array("a\r\nb\n\n".utf8)),
        ("large", (0..<5 * 1_048_576 + 1).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }),
      ]
      for (name, bytes) in contents {
        let path = "\(bench.subject.folder)/\(name)"
        // An odd size: pieces fall together with no block of anybody's.
        try await bench.write(id, path, bytes, chunk: 77_777)
        let found = try await bench.read(id, path)
        try expect(found == bytes, "\(name): \(found.count) bytes of \(bytes.count) come back, or others")
        let info = try await bench.runner.fileInfo(id, path: path, deadline: bench.ample)
        try expectEqual(info.sizeBytes, UInt64(bytes.count), "the size of \(name)")
        try expectEqual(info.kind, .file, "the kind of \(name)")
        try expectEqual(info.name, name, "the name of \(path)")
      }
    },
    Rule("a file that is written again is the new one alone", [.create, .files]) { bench in
      let (id, _) = try await bench.create()
      let path = bench.subject.folder + "/again"
      try await bench.write(id, path, [UInt8](repeating: 1, count: 100_000))
      try await bench.write(id, path, [2])
      try expectEqual(try await bench.read(id, path), [2], "the file")
    },
    Rule("a file whose bytes do not come to an end stays as it was", [.create, .files]) { bench in
      let (id, _) = try await bench.create()
      let path = bench.subject.folder + "/torn"
      try await bench.write(id, path, Array("whole".utf8))
      let calls = Mutex(0)
      try await bench.expectError(.failed, from: "writeFile") { () async throws(RunnerError) in
        try await bench.runner.writeFile(id, path: path, mode: nil, deadline: bench.ample) {
          let call = calls.withLock { calls in
            calls += 1
            return calls
          }
          if call > 1 { throw Broken("the client went away") }
          return [0, 1, 2]
        }
      }
      try expectEqual(try await bench.read(id, path), Array("whole".utf8), "the file")
    },
    Rule("folders on the way are made, and permission bits are kept", [.create, .files]) { bench in
      let (id, _) = try await bench.create()
      let path = bench.subject.folder + "/a/b/c.sh"
      try await bench.write(id, path, [1], mode: 0o750)
      let info = try await bench.runner.fileInfo(id, path: path, deadline: bench.ample)
      try expectEqual(info.mode & 0o777, 0o750, "the mode")
      try expect(info.modifiedAtMs > 1_500_000_000_000, "it was changed at \(info.modifiedAtMs) ms after 1970")
      let folder = try await bench.runner.fileInfo(id, path: bench.subject.folder + "/a", deadline: bench.ample)
      try expectEqual(folder.kind, .folder, "the kind of what is on the way")
    },
    Rule("a folder lists what is in it and nothing below", [.create, .files]) { bench in
      let (id, _) = try await bench.create()
      let folder = bench.subject.folder + "/list"
      for name in ["x", "Grüße und Leerzeichen", "sub/y"] { try await bench.write(id, "\(folder)/\(name)", [1, 2, 3]) }
      let entries = try await bench.runner.listFolder(id, path: folder, deadline: bench.ample)
      try expectEqual(Set(entries.map(\.name)), ["x", "Grüße und Leerzeichen", "sub"], "the names")
      try expectEqual(entries.first { $0.name == "x" }?.sizeBytes, 3, "the size of x")
      try expectEqual(entries.first { $0.name == "sub" }?.kind, .folder, "the kind of sub")
    },
    Rule("a file that is removed or renamed is not there any more", [.create, .files]) { bench in
      let (id, _) = try await bench.create()
      let (runner, folder) = (bench.runner, bench.subject.folder + "/move")
      try await bench.write(id, folder + "/old", [7])
      try await runner.renameFile(id, from: folder + "/old", to: folder + "/new", deadline: bench.ample)
      try expectEqual(try await bench.read(id, folder + "/new"), [7], "the renamed file")
      try await missing(bench, id, folder + "/old")
      try await runner.removeFile(id, path: folder + "/new", recursive: false, deadline: bench.ample)
      try await missing(bench, id, folder + "/new")
    },
    Rule("a folder with something in it is only removed where that is meant", [.create, .files]) { bench in
      let (id, _) = try await bench.create()
      let (runner, folder) = (bench.runner, bench.subject.folder + "/full")
      try await bench.write(id, folder + "/inside", [1])
      try await bench.expectError(.conflict, from: "removeFile") { () async throws(RunnerError) in
        try await runner.removeFile(id, path: folder, recursive: false, deadline: bench.ample)
      }
      try expectEqual(try await bench.read(id, folder + "/inside"), [1], "the file inside")
      try await runner.removeFile(id, path: folder, recursive: true, deadline: bench.ample)
      try await missing(bench, id, folder + "/inside")
    },
    Rule("a file is no folder, and a folder no file", [.create, .files]) { bench in
      let (id, _) = try await bench.create()
      let (runner, folder) = (bench.runner, bench.subject.folder + "/kinds")
      try await bench.write(id, folder + "/file", [1])
      try await bench.expectError(.conflict, from: "reading a folder") { () async throws(RunnerError) in
        try await bench.read(id, folder)
      }
      try await bench.expectError(.conflict, from: "listing a file") { () async throws(RunnerError) in
        _ = try await runner.listFolder(id, path: folder + "/file", deadline: bench.ample)
      }
      try await bench.expectError(.conflict, from: "writing onto a folder") { () async throws(RunnerError) in
        try await runner.writeFile(id, path: folder, mode: nil, deadline: bench.ample) { nil }
      }
    },
    Rule("files of one sandbox are not in another", [.create, .files]) { bench in
      let (one, other) = (try await bench.create().id, try await bench.create().id)
      let path = bench.subject.folder + "/own"
      try await bench.write(one, path, [1])
      try await missing(bench, other, path)
      try await bench.write(other, path, [2])
      try expectEqual(try await bench.read(one, path), [1], "the file of the first")
    },
    Rule("commands see the files that were written", [.create, .files, .exec]) { bench in
      let (id, _) = try await bench.create()
      let path = bench.subject.folder + "/seen"
      try await bench.write(id, path, Array("seen\n".utf8))
      let ran = try await bench.exec(id, bench.subject.commands.printFile(path))
      try expectEqual(ran.text, "seen\n", "what it prints")
    },
    Rule("reading stops where the reader wants no more", [.create, .files]) { bench in
      let (id, _) = try await bench.create()
      let path = bench.subject.folder + "/unwanted"
      try await bench.write(id, path, [UInt8](repeating: 1, count: 1 << 20))
      try await bench.expectError(.failed, from: "readFile") { () async throws(RunnerError) in
        try await bench.runner.readFile(id, path: path, deadline: bench.ample) { _ in throw Broken("no more") }
      }
    },
  ]

  private static func missing(_ bench: Bench, _ id: SandboxID, _ path: String) async throws {
    try await bench.expectError(.notFound, from: "reading \(path)") { () async throws(RunnerError) in
      try await bench.read(id, path)
    }
  }
}
