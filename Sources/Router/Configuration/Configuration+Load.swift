import Bytes
import Glibc
public import Sandbox
import Settings

extension Configuration {
  /// Reads the file, lays the environment over it, and checks everything.
  ///
  /// - Parameters:
  ///   - path: the YAML file; nil takes everything from the environment and the defaults.
  ///   - environment: all variables; those that begin with `PORTHOLE_` are keys (`PORTHOLE_WORKERS=2`) and win.
  ///   - runners: what `runner.kind` may be, the default first; each reads its own part.
  /// - Throws: every problem there is, each with its place and what was expected.
  public static func load(
    path: String?, environment: [String: String], runners: [any RunnerPlugin]
  ) throws(ConfigurationError) -> Configuration {
    try load(path: path, environment: environment, runners: runners, resolveName: NameLookup.resolve)
  }

  /// The names that a variable may have, with the key that each sets; for help texts and for tests.
  public static func environmentNames(
    kind: String?, runners: [any RunnerPlugin]
  ) -> [(variable: String, keyPath: String)] {
    Environment.names(.root(runnerKeys: Runner.keys(of: kind, among: runners)))
      .map { ($0.variable, $0.path.joined(separator: ".")) }
  }

  static func load(
    path: String?, environment: [String: String], runners: [any RunnerPlugin],
    resolveName: @escaping (String) -> Result<IPAddress, NameLookup.Failure>
  ) throws(ConfigurationError) -> Configuration {
    let workingFolder = FilePath.workingFolder
    let folder = path.map { FilePath.join(workingFolder, FilePath.folder(of: $0)) } ?? workingFolder
    let reading = Reading(folder: folder, workingFolder: workingFolder, resolveName: resolveName)

    var root = try tree(path: path)
    let kind = Environment.runnerKind(environment) ?? root["runner"]?.value["kind"]?.value.text
    let schema = Schema.root(runnerKeys: Runner.keys(of: kind, among: runners))
    Environment.overlay(environment, on: &root, schema, reading.problems)
    schema.refuseUnknownKeys(in: root, path: "", reading.problems)
    let configuration = Configuration(Field(root: root, reading: reading), runners)
    let problems = reading.problems.inOrder
    if !problems.isEmpty { throw ConfigurationError(problems: problems) }
    return configuration
  }

  /// The file as a tree. Without YAML there is no telling what else is wrong, so these problems come alone.
  private static func tree(path: String?) throws(ConfigurationError) -> Value {
    guard let path else { return .empty(at: .nowhere) }
    func failure(_ place: String, _ message: String) -> ConfigurationError {
      ConfigurationError(problems: [Problems.Problem(place: place, keyPath: "", message: message)])
    }
    let bytes: [UInt8]
    do { bytes = try FilePath.read(path) } catch {
      throw failure(path, "cannot read the configuration file: \(error.reason)")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw failure(path, "the file is not UTF-8 text") }
    let start = Origin.file(path, line: 1, column: 1)
    let parsed: Value?
    do {
      parsed = try YAMLText.parse(text) { .file(path, line: $0, column: $1) }
    } catch {
      throw failure("\(path):\(error.line):\(error.column)", error.message)
    }
    guard let value = parsed else { return .empty(at: start) }
    switch value.content {
    case .mapping: return value
    case .null: return .empty(at: start)
    case .list, .scalar:
      throw failure(
        start.description, "expected keys such as \"domains: [preview.localhost]\", found \(value.described)")
    }
  }
}

extension Configuration {
  /// Reads every section, then holds them against each other.
  init(_ root: Field, _ runners: [any RunnerPlugin]) {
    if root["domains"].isEmptyList, root["routes"].isEmptyList {
      root["domains"].require("the domain below which preview hosts live, such as [preview.localhost] (or give routes)")
    }
    self.init(
      domains: Configuration.readDomains(root["domains"]),
      listen: Listen(root["listen"]),
      workers: Configuration.readWorkers(root["workers"]),
      tls: TLSCertificate.readList(root["tls"]),
      tlsOptions: TLSOptions(root["tlsOptions"]),
      store: Store(root["store"]),
      runner: Runner(root["runner"], among: runners),
      routes: Route.readList(root["routes"]),
      limits: Limits(root["limits"]),
      timeouts: Timeouts(root["timeouts"]),
      log: Log(root["log"]))
    refuseRoutesOnOwnHosts(root["routes"])
  }

  private static func readDomains(_ field: Field) -> [String] {
    var domains: [String] = []
    for item in field.items("[preview.localhost]") ?? [] {
      // 253 bytes for a name, less 63 and a dot for the label in front.
      guard let domain = item.hostName("a domain name such as preview.localhost, without *. or a port") else {
        continue
      }
      if domain.utf8.count > 253 - 64 {
        item.refuse(expected: "a domain of at most 189 bytes, so that a host below it fits DNS")
      } else if domains.contains(domain) {
        item.refuse("the domain \(domain) is listed twice")
      } else {
        domains.append(domain)
      }
    }
    return domains
  }

  private static func readWorkers(_ field: Field) -> Int {
    if field.isWord("auto") { return coresAvailable }
    return field.integer(1...1024) ?? coresAvailable
  }

  /// The cores this process may run on, which a container may have narrowed.
  private static var coresAvailable: Int {
    // Glibc hides sched_getaffinity from Swift; the kernel says the same here: `Cpus_allowed:\tff,ffffffff`.
    let status = String(decoding: (try? FilePath.read("/proc/self/status")) ?? [], as: UTF8.self)
    guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed:") }) else {
      return max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }
    return max(1, line.dropFirst("Cpus_allowed:".count).reduce(0) { $0 + ($1.hexDigitValue ?? 0).nonzeroBitCount })
  }

  /// A route may sit below a domain, but never where Porthole itself answers.
  private func refuseRoutesOnOwnHosts(_ field: Field) {
    for item in field.items("") ?? [] {
      guard case .scalar(let text, _) = item["host"].value?.content else { continue }
      // Below a domain the router asks no wildcard, so one there would never be met.
      for domain in domains where text == "api.\(domain)" || (text.hasPrefix("*.") && text.hasSuffix(".\(domain)")) {
        item["host"].refuse("\(text) belongs to Porthole because \(domain) is one of its domains; choose another host")
      }
    }
  }
}

extension Configuration.Store {
  init(_ field: Field) {
    guard let text = field.text("the path of a SQLite file, or \":memory:\"") else {
      self = .file(path: field.reading.absolute("porthole.db"))
      return
    }
    if text == ":memory:" {
      self = .memory
      return
    }
    let path = field.reading.absolute(text)
    if !FilePath.isFolder(FilePath.folder(of: path)) {
      field.refuse("the folder \(FilePath.folder(of: path)) does not exist; make it, or choose another path")
    } else if FilePath.isFolder(path) {
      field.refuse("\(path) is a folder; expected the path of a SQLite file")
    }
    self = .file(path: path)
  }
}
