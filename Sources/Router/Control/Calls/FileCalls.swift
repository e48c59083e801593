internal import Loop
internal import Sandbox

/// Files inside a sandbox. Relative paths are below the image's working folder.
enum FileCalls {
  private static let path = Field("path", .text(.filePath), "Absolute, or below the image's working folder.")

  static let routes: [APIRoute] = [
    APIRoute(
      "GET", "/v1/sandboxes/{id}/files", "readFile", "The file's bytes.", query: [path], answers: [(200, .bytes)],
      errors: ExecCalls.errors, finishes: false
    ) { plane, request in try await read(plane, request) },
    APIRoute(
      "PUT", "/v1/sandboxes/{id}/files", "writeFile",
      "Writes a file, making folders on the way. What was there is replaced when all has come.",
      query: [path, .optional("mode", .text(octal), "Permission bits, as `755`.")], body: .bytes,
      answers: [(201, .json(Shape("Written", "", [Field("path", .plain), Field("sizeBytes", .count)])))],
      errors: ExecCalls.errors, finishes: false
    ) { plane, request in try await write(plane, request) },
    APIRoute(
      "DELETE", "/v1/sandboxes/{id}/files", "deleteFile", "Removes a file, or a folder with `recursive=true`.",
      query: [path, .defaulting("recursive", .boolean, to: false)],
      answers: [(200, .json(Shape("Removed", "", [Field("path", .plain), Field("status", .word(["removed"]))])))],
      errors: ExecCalls.errors
    ) { plane, request in
      let (id, path, runner) = (try request.path.sandboxID(), request.query.text("path") ?? "", plane.runner)
      let recursive = request.query.bool("recursive") ?? false
      try await quick(plane, id) { deadline throws(RunnerError) in
        try await runner.removeFile(id, path: path, recursive: recursive, deadline: deadline)
      }
      return .ok(["path": .string(path), "status": "removed"])
    },
    APIRoute(
      "POST", "/v1/sandboxes/{id}/files/rename", "renameFile", "Moves a file or a folder.",
      body: .json(Shape("RenameBody", "", [Field("from", .text(.filePath)), Field("to", .text(.filePath))])),
      answers: [(200, .json(Shape("Renamed", "", [Field("from", .plain), Field("to", .plain)])))],
      errors: ExecCalls.errors
    ) { plane, request in
      let (id, runner) = (try request.path.sandboxID(), plane.runner)
      let (from, to) = (request.body.text("from") ?? "", request.body.text("to") ?? "")
      try await quick(plane, id) { deadline throws(RunnerError) in
        try await runner.renameFile(id, from: from, to: to, deadline: deadline)
      }
      return .ok(["from": .string(from), "to": .string(to)])
    },
    APIRoute(
      "GET", "/v1/sandboxes/{id}/files/stat", "statFile", "What a file is.", query: [path],
      answers: [(200, .json(infoShape))], errors: ExecCalls.errors
    ) { plane, request in
      let (id, path, runner) = (try request.path.sandboxID(), request.query.text("path") ?? "", plane.runner)
      return .ok(
        json(
          try await quick(plane, id) { deadline throws(RunnerError) in
            try await runner.fileInfo(id, path: path, deadline: deadline)
          }))
    },
    APIRoute(
      "GET", "/v1/sandboxes/{id}/dir", "listFolder", "What is in a folder.", query: [path],
      answers: [
        (200, .json(Shape("Folder", "", [Field("entries", .list(.object(infoShape), countMax: .max))])))
      ], errors: ExecCalls.errors
    ) { plane, request in
      let (id, path, runner) = (try request.path.sandboxID(), request.query.text("path") ?? "", plane.runner)
      let entries = try await quick(plane, id) { deadline throws(RunnerError) in
        try await runner.listFolder(id, path: path, deadline: deadline)
      }
      return .ok(["entries": .array(entries.map(json))])
    },
  ]

  private static let octal = TextRule(
    expected: "permission bits in octal, such as \"644\"", lengths: 3...4, pattern: "^[0-7]{3,4}$"
  ) { UInt32($0, radix: 8) != nil }

  private static let infoShape = Shape(
    "FileInfo", "",
    [
      Field("name", .plain), Field("type", .word(["file", "directory", "symlink", "other"])),
      Field("sizeBytes", .count), Field("mode", .plain, "Octal."), Field("modifiedAt", .time),
    ])

  @Sendable private static func json(_ info: FileInfo) -> JSONValue {
    [
      "name": .string(info.name), "type": .string(info.kind.rawValue), "sizeBytes": .count(info.sizeBytes),
      "mode": .string(String(info.mode & 0o7777, radix: 8)), "modifiedAt": TimeText.json(ms: info.modifiedAtMs),
    ]
  }
}

extension FileCalls {
  @ControlLoop
  private static func quick<T: Sendable>(
    _ plane: ControlPlane, _ id: SandboxID,
    _ work: @escaping @Sendable (Deadline) async throws(RunnerError) -> T
  ) async throws -> T {
    try await plane.inRunning(id, needs: .files) { try await plane.inside(plane.settings.insideTimeout, work) }
  }

  /// A file on its way out. The head is sent with the first bytes, so that a file that isn't there is a 404.
  @ControlLoop
  private final class Download {
    private let call: any APICall
    private var hasBegun = false
    init(_ call: any APICall) { self.call = call }

    func take(_ bytes: [UInt8]) async throws {
      begin()
      try await call.write(bytes)
    }

    func end() {
      begin()
      call.end()
    }

    /// False where nothing was sent yet and a proper answer can still be given.
    func cut() -> Bool {
      if hasBegun { call.abort() }
      return hasBegun
    }

    private func begin() {
      if hasBegun { return }
      hasBegun = true
      call.begin(
        status: 200, headers: [("content-type", "application/octet-stream"), ("cache-control", "no-store")])
    }
  }

  @ControlLoop
  private static func read(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    let (id, path, runner) = (try request.path.sandboxID(), request.query.text("path") ?? "", plane.runner)
    let download = Download(request.call)
    do {
      try await quick(plane, id) { deadline throws(RunnerError) in
        try await runner.readFile(id, path: path, deadline: deadline) { try await download.take($0) }
      }
    } catch {
      if download.cut() { return .written }
      throw error
    }
    download.end()
    return .written
  }

  /// A file on its way in.
  @ControlLoop
  private final class Upload {
    private let call: any APICall
    private(set) var sizeBytes = 0
    /// What went wrong with the client, which the runner can't know.
    private(set) var failure: APICallError?
    init(_ call: any APICall) { self.call = call }

    func next() async throws -> [UInt8]? {
      do throws(APICallError) {
        let chunk = try await call.nextChunk()
        sizeBytes += chunk?.count ?? 0
        return chunk
      } catch {
        failure = error
        throw error
      }
    }
  }

  @ControlLoop
  private static func write(_ plane: ControlPlane, _ request: APIRequest) async throws -> Reply {
    let (id, path, runner) = (try request.path.sandboxID(), request.query.text("path") ?? "", plane.runner)
    let mode = request.query.text("mode").flatMap { UInt32($0, radix: 8) }
    let upload = Upload(request.call)
    do {
      try await quick(plane, id) { deadline throws(RunnerError) in
        try await runner.writeFile(id, path: path, mode: mode, deadline: deadline) { try await upload.next() }
      }
    } catch {
      if let failure = upload.failure { throw failure }
      throw error
    }
    return .made(["path": .string(path), "sizeBytes": .count(upload.sizeBytes)])
  }
}
