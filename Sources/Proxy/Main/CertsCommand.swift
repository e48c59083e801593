import ArgumentParser
import Certificates

struct CertsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "certs", abstract: "Make certificates.", subcommands: [DevelopmentCommand.self])
}

struct DevelopmentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dev",
    abstract: "Make a local authority and a wildcard certificate for development.",
    discussion: """
      Run it as often as you like: it keeps what is good, renews what ends
      soon or no longer fits, and never touches a file that it did not make.
      A configuration without tls uses the result by itself.

      Examples:
        porthole certs dev
        porthole certs dev --domain preview.localhost --domain p.example.test
      """)

  @Option(name: .customLong("out"), help: ArgumentHelp("The folder to put it in.", valueName: "folder"))
  var folder = "certs/dev"

  @Option(
    name: .customLong("domain"),
    help: ArgumentHelp(
      "A domain below which preview hosts live; may be given several times. Default: what the present certificate has, else \(DevelopmentCertificates.defaultDomain).",
      valueName: "domain"))
  var domains: [String] = []

  @Option(help: "How long the certificate lives, at most \(DevelopmentCertificates.daysMax).")
  var days = DevelopmentCertificates.daysMax

  @Flag(help: "Make a new certificate even where the present one is good. The authority stays trusted.")
  var force = false

  @Flag(name: .customLong("new-authority"), help: "Make a new authority as well; it has to be trusted again.")
  var newAuthority = false

  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let certificates = DevelopmentCertificates(folder: folder)
    let outcome: DevelopmentCertificates.Outcome
    do {
      outcome = try certificates.ensure(
        domains.isEmpty ? .atLeast([]) : .exactly(domains), days: days, force: force, newAuthority: newAuthority)
    } catch {
      throw CommandFailure("porthole: \(error.description)", status: error.isMisuse ? .misuse : .failure)
    }
    Terminal.print(
      json ? DevelopmentCommand.json(certificates, outcome).text() : DevelopmentCommand.text(certificates, outcome))
  }

  private static func text(_ certificates: DevelopmentCertificates, _ outcome: DevelopmentCertificates.Outcome)
    -> String
  {
    """
    \(certificates.authorityPath): \(outcome.authority.text)
      SHA-256 \(outcome.fingerprint)
    \(certificates.certificatePath): \(outcome.certificate.text), until \(Day.text(outcome.expiresAtSec))
      for \(outcome.domains.map { "\($0), *.\($0)" }.joined(separator: ", ")), localhost, 127.0.0.1, ::1

    \(TrustAdvice.text(authorityPath: certificates.authorityPath))
    """
  }

  private static func json(_ certificates: DevelopmentCertificates, _ outcome: DevelopmentCertificates.Outcome) -> JSON
  {
    func part(_ change: DevelopmentCertificates.Change, _ path: String, _ keyPath: String) -> JSON {
      .object([("path", .string(path)), ("key", .string(keyPath)), ("made", .bool(change != .kept))])
    }
    return .object([
      ("authority", part(outcome.authority, certificates.authorityPath, certificates.authorityKeyPath)),
      ("certificate", part(outcome.certificate, certificates.certificatePath, certificates.keyPath)),
      ("domains", .strings(outcome.domains)),
      ("expiresAt", .string(Day.text(outcome.expiresAtSec))),
      ("fingerprint", .string(outcome.fingerprint)),
    ])
  }
}

extension DevelopmentCertificates.Change {
  var text: String {
    switch self {
    case .kept: "kept"
    case .made(let why): "made, because \(why)"
    }
  }
}

extension CertificateError {
  fileprivate var isMisuse: Bool {
    switch self {
    case .badDomain, .badDays: true
    default: false
    }
  }
}
