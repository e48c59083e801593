import ArgumentParser
import Bytes
import Certificates
import Configuration
import Sandbox
import Settings
import TLS

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Say whether a configuration is right, without starting anything.",
    discussion: """
      Reads the file and the environment as serve does, opens the
      certificates, and reports everything that is wrong at once, each with
      file, line and column. Exit status: 0 right, 2 wrong.

      Example:
        porthole check --config porthole.yaml && systemctl reload porthole
      """)

  @OptionGroup var options: ConfigurationOptions

  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let loaded: ConfigurationOptions.Loaded
    do {
      loaded = try options.load()
    } catch {
      try refuse(error.problems.map { ($0.place, $0.keyPath, $0.message) }, error.description + options.hint)
    }
    var certificates = CertificateCheck(loaded.configuration)
    // Only where each certificate is fine by itself: starting would say the same less well.
    if certificates.problems.isEmpty { certificates.tryTLS(loaded.configuration) }
    if !certificates.problems.isEmpty {
      let place = loaded.path ?? "configuration"
      try refuse(
        certificates.problems.map { (place, $0.keyPath, $0.message) },
        certificates.problems.map { "\(place): \($0.keyPath): \($0.message)" }.joined(separator: "\n"))
    }
    let summary = CheckSummary(
      loaded.configuration, path: loaded.path, certificates: certificates.lines,
      advice: loaded.configuration.advice + certificates.advice)
    Terminal.print(json ? summary.json.text() : summary.text)
  }

  private func refuse(_ problems: [(place: String, keyPath: String, message: String)], _ text: String) throws -> Never {
    guard json else { throw CommandFailure(text, status: .misuse) }
    let items = problems.map { problem in
      JSON.object([
        ("place", .string(problem.place)), ("key", .string(problem.keyPath)), ("message", .string(problem.message)),
      ])
    }
    Terminal.print(JSON.object([("ok", .bool(false)), ("problems", .array(items))]).text())
    throw CommandFailure("", status: .misuse)
  }
}

/// What only opening the certificates can tell.
private struct CertificateCheck {
  var problems: [(keyPath: String, message: String)] = []
  var advice: [String] = []
  var lines: [String] = []

  init(_ configuration: Configuration) {
    var inspections: [CertificateInspection] = []
    for (index, entry) in configuration.tls.enumerated() {
      do {
        let inspection = try CertificateInspection(certificatePath: entry.certificate, keyPath: entry.key)
        inspections.append(inspection)
        problems += inspection.problems.map { ("tls[\(index)]", $0) }
        lines.append("\(inspection.names.joined(separator: ", ")), until \(Day.text(inspection.expiresAtSec))")
        // A fortnight is what renewal by ACME leaves at worst.
        if inspection.expiresAtSec - Day.nowSec < 14 * 86_400 {
          advice.append("tls[\(index)]: \(entry.certificate) ends on \(Day.text(inspection.expiresAtSec)); renew it")
        }
      } catch {
        problems.append(("tls[\(index)]", error.description))
      }
    }
    for domain in configuration.domains where !inspections.contains(where: { $0.covers(host: "3000-any.\(domain)") }) {
      advice.append("tls: no certificate covers *.\(domain), so browsers will refuse its preview URLs")
    }
    for route in configuration.routes {
      guard case .exact(let host) = route.host, !inspections.contains(where: { $0.covers(host: host) }) else {
        continue
      }
      advice.append("tls: no certificate covers \(host), which has a route")
    }
  }
}

extension CertificateCheck {
  /// Builds what serve would build of it.
  fileprivate mutating func tryTLS(_ configuration: Configuration) {
    do {
      advice += try Server.tryTLS(configuration).map { "tls: \($0)" }
    } catch {
      problems.append(("tls", error.description))
    }
  }
}

private struct CheckSummary {
  private let path: String?
  private let rows: [(name: String, values: [String])]
  private let advice: [String]

  init(_ configuration: Configuration, path: String?, certificates: [String], advice: [String]) {
    self.path = path
    self.advice = advice
    let listen = configuration.listen
    rows = [
      ("domains", configuration.domains),
      ("https", listen.https.map { "\($0.address)\(CheckSummary.remarks($0))" }),
      ("http", listen.http.map(\.description)),
      ("api", listen.api.map { [$0.description] } ?? []),
      ("workers", ["\(configuration.workers)"]),
      ("certificates", certificates),
      (
        "sandboxes",
        configuration.runner.sandboxes.map { sandbox in
          let ports = sandbox.exposures.map { "\($0.port)" }.joined(separator: " ")
          return
            "\(sandbox.id) at \(sandbox.address), \(sandbox.ingress.mode.rawValue)\(ports.isEmpty ? "" : ": \(ports)")"
        }
      ),
      ("routes", configuration.routes.map { "\($0.host) to \($0.upstream.url)" }),
    ]
  }

  private static func remarks(_ listener: Configuration.HTTPSListener) -> String {
    var remarks: [String] = []
    if let client = listener.clientCertificates { remarks.append("client certificates: \(client.mode.rawValue)") }
    if listener.proxyProtocol { remarks.append("PROXY protocol") }
    return remarks.isEmpty ? "" : " (\(remarks.joined(separator: ", ")))"
  }

  var text: String {
    var lines = ["configuration ok\(path.map { ": \($0)" } ?? " (from the environment)")"]
    for (name, values) in rows where !values.isEmpty {
      lines.append("  " + name + String(repeating: " ", count: 14 - name.count) + CheckSummary.few(values))
    }
    return (lines + advice.map { "advice: \($0)" }).joined(separator: "\n")
  }

  /// Three say what kind they are; the rest is a number.
  private static func few(_ values: [String]) -> String {
    let shown = values.prefix(3).joined(separator: "\n" + String(repeating: " ", count: 16))
    return values.count > 3 ? "\(shown)\n\(String(repeating: " ", count: 16))and \(values.count - 3) more" : shown
  }

  var json: JSON {
    .object([
      ("ok", .bool(true)), ("config", .optional(path)),
      ("summary", .object(rows.map { ($0.name, .strings($0.values)) })), ("advice", .strings(advice)),
    ])
  }
}
