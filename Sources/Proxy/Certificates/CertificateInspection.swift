/// What `porthole check` says about a configured certificate: facts first, then whatever is wrong.
public struct CertificateInspection: Sendable, Equatable {
  public let names: [String]
  public let expiresAtSec: Int
  /// The server would refuse to start, or every client would refuse the certificate.
  public let problems: [String]

  /// - Throws: where a file cannot be read or does not hold what it should.
  public init(certificatePath: String, keyPath: String, nowSec: Int = Day.nowSec) throws(CertificateError) {
    guard let certificateBytes = try GuardedFile(certificatePath).read() else {
      throw .unreadable(path: certificatePath, reason: "there is no such file")
    }
    guard let keyBytes = try GuardedFile(keyPath).read() else {
      throw .unreadable(path: keyPath, reason: "there is no such file")
    }
    guard let certificate = Certificate(pem: certificateBytes) else {
      throw .malformed(path: certificatePath, what: "a certificate")
    }
    guard let key = PrivateKey(pem: keyBytes) else {
      throw .malformed(path: keyPath, what: "a private key without a passphrase")
    }
    var problems: [String] = []
    if !certificate.belongs(to: key) { problems.append("\(keyPath) is not the key of \(certificatePath)") }
    if certificate.expiresAtSec <= nowSec {
      problems.append("\(certificatePath) expired on \(Day.text(certificate.expiresAtSec))")
    }
    if certificate.startsAtSec > nowSec {
      problems.append("\(certificatePath) is not valid before \(Day.text(certificate.startsAtSec))")
    }
    self.problems = problems
    names = certificate.dnsNames
    expiresAtSec = certificate.expiresAtSec
    self.certificate = certificateBytes
  }

  private let certificate: [UInt8]

  public func covers(host: String) -> Bool { Certificate(pem: certificate)?.covers(host: host) ?? false }
}
