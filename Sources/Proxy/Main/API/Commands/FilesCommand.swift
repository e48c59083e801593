import ArgumentParser
import Client

struct FilesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "files", abstract: "Copy files into and out of a sandbox.",
    discussion: """
      Paths in the sandbox are absolute, or begin in the image's folder.

      Examples:
        porthole files put ID app.py /srv/app.py
        porthole files get ID /var/log/app.log | tail
        tar cz src | porthole files put ID - /tmp/src.tgz
      """,
    subcommands: [FilesGetCommand.self, FilesPutCommand.self, FilesListCommand.self, FilesRemoveCommand.self])
}

struct FilesGetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Copy a file out of a sandbox.",
    discussion: """
      A local file is replaced when all of it has come, not before.

      Examples:
        porthole files get ID /srv/report.pdf .
        porthole files get ID /etc/os-release
      """)

  @OptionGroup var sandbox: SandboxArgument
  @Argument(help: "The file in the sandbox.") var path: String
  @Argument(
    help: ArgumentHelp("The local file or folder. Default: standard output.", valueName: "local"), completion: .file())
  var local: String?
  @OptionGroup var api: APIOptions

  func run() throws {
    let client = try api.client(json: false)
    let response = try client.open(
      "GET", sandbox.path + "/files", query: [("path", path)], fields: [("Accept", "application/octet-stream")],
      patienceMs: 120_000)
    let name = path.split(separator: "/").last.map(String.init) ?? "file"
    let file = try OutputFile(local, named: name)
    do {
      while let piece = try client.failing({ () throws(ClientError) in try response.next() }) { try file.write(piece) }
      try file.finish()
    } catch {
      file.abandon()
      throw error
    }
  }
}

struct FilesPutCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "put", abstract: "Copy a file into a sandbox.",
    discussion: """
      Examples:
        porthole files put ID app.py /srv/app.py
        porthole files put ID run.sh /srv/run.sh --mode 755
        make-report | porthole files put ID - /srv/report.html
      """)

  @OptionGroup var sandbox: SandboxArgument
  @Argument(help: ArgumentHelp("The local file; - for standard input.", valueName: "local"), completion: .file())
  var local: String
  @Argument(help: "The file in the sandbox.") var path: String
  @Option(help: ArgumentHelp("Its permission bits, such as 755.", valueName: "octal")) var mode: String?
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    if let mode, !(3...4).contains(mode.utf8.count) || !mode.utf8.allSatisfy({ (0x30...0x37).contains($0) }) {
      throw ValidationError("--mode has to be three or four octal digits, such as 755")
    }
  }

  func run() throws {
    let client = try client()
    let file = try InputFile(local)
    let response = try client.open(
      "PUT", sandbox.path + "/files", query: [("path", path)] + (mode.map { [("mode", $0)] } ?? []),
      fields: [("Content-Type", "application/octet-stream")],
      body: .stream(length: file.length, next: file.next), patienceMs: 120_000)
    let bytes = try client.failing { () throws(ClientError) in try response.readAll(limit: 1 << 20) }
    let answer = JSON(parsing: bytes) ?? .object([])
    let size = answer.size("sizeBytes")
    show(answer, "\(Terminal.visible(path)) is there" + (size.isEmpty ? "" : " (\(size))"))
  }
}

struct FilesListCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List a folder in a sandbox.",
    discussion: """
      Example:
        porthole files list ID /srv
      """)

  @OptionGroup var sandbox: SandboxArgument
  @Argument(help: "The folder in the sandbox.") var path = "."
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let answer = try client().call("GET", sandbox.path + "/dir", query: [("path", path)])
    var table = Table("TYPE", "MODE", "SIZE", "MODIFIED", "NAME")
    for item in answer["entries"]?.array ?? [] {
      table.add(
        item.cell("type"), item.cell("mode"), item.size("sizeBytes"), item.time("modifiedAt"), item.cell("name"))
    }
    show(answer, table.text)
  }
}

struct FilesRemoveCommand: APICommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Delete a file in a sandbox.",
    discussion: """
      Example:
        porthole files remove ID /tmp/build --recursive
      """)

  @OptionGroup var sandbox: SandboxArgument
  @Argument(help: "The file in the sandbox.") var path: String
  @Flag(name: .shortAndLong, help: "A folder, with everything in it.") var recursive = false
  @OptionGroup var api: APIOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let answer = try client().call(
      "DELETE", sandbox.path + "/files", query: [("path", path)] + (recursive ? [("recursive", "true")] : []))
    show(answer, "\(Terminal.visible(path)) is gone")
  }
}
