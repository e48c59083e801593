import Foundation
import TLS

/// Certificates made once per test run with the openssl tool, in a folder that goes away with the process's temporary files.
enum Fixture {
  enum Key { case ecdsa, rsa }

  static let folder: String = {
    let path = NSTemporaryDirectory() + "porthole-tls-\(getpid())"
    try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    atexit { try? FileManager.default.removeItem(atPath: Fixture.folder) }
    return path
  }()

  static func path(_ name: String) -> String { folder + "/" + name }

  @discardableResult
  static func openssl(_ arguments: String...) -> Int32 { openssl(arguments) }

  static func openssl(_ arguments: [String]) -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try! process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }

  static func write(_ text: String, _ name: String) {
    try! text.write(toFile: path(name), atomically: true, encoding: .utf8)
  }

  static func bytes(_ name: String) -> [UInt8] { [UInt8](FileManager.default.contents(atPath: path(name))!) }

  private static func keyArguments(_ key: Key) -> [String] {
    key == .ecdsa ? ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] : ["-newkey", "rsa:2048"]
  }

  /// `name.pem` and `name.key`: a CA.
  static func makeAuthority(_ name: String) -> TrustAnchors {
    let status = openssl(
      ["req", "-x509"] + keyArguments(.ecdsa) + [
        "-nodes", "-keyout", "\(name).key", "-out", "\(name).pem", "-days", "30", "-subj", "/CN=\(name)",
      ])
    precondition(status == 0)
    return try! TrustAnchors.load(path("\(name).pem"))
  }

  /// `name.pem` and `name.key`, issued by `authority`.
  static func issue(
    _ name: String, by authority: String = "ca", names: [String], key: Key = .ecdsa, days: Int = 30, serial: Int = 77
  ) {
    let sans = names.map { ($0.first!.isNumber ? "IP:" : "DNS:") + $0 }.joined(separator: ",")
    write(names.isEmpty ? "basicConstraints=CA:FALSE" : "subjectAltName=\(sans)", "\(name).ext")
    var status = openssl(
      ["req"] + keyArguments(key) + [
        "-nodes", "-keyout", "\(name).key", "-out", "\(name).csr", "-subj", "/O=Tests/CN=\(name)",
      ])
    precondition(status == 0)
    status = openssl(
      "x509", "-req", "-in", "\(name).csr", "-CA", "\(authority).pem", "-CAkey", "\(authority).key", "-days", "\(days)",
      "-set_serial", "\(serial)", "-extfile", "\(name).ext", "-out", "\(name).pem")
    precondition(status == 0)
    try! FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path("\(name).key"))
  }

  static func load(_ name: String, ocsp: String? = nil) -> LoadedCertificate {
    try! CertificateFiles.load(certificate: path("\(name).pem"), key: path("\(name).key"), ocsp: ocsp.map(path))
  }

  /// What the CA says about certificate `name` with serial 77, in `name.ocsp`.
  static func makeOCSPResponse(_ name: String, status: String = "V") {
    let revoked = status == "R" ? "240101000000Z" : ""
    write("\(status)\t401231000000Z\t\(revoked)\t4D\tunknown\t/O=Tests/CN=\(name)\n", "\(name).index")
    let status = openssl(
      "ocsp", "-index", "\(name).index", "-CA", "ca.pem", "-rsigner", "ca.pem", "-rkey", "ca.key", "-issuer", "ca.pem",
      "-cert",
      "\(name).pem", "-ndays", "3", "-respout", "\(name).ocsp")
    precondition(status == 0)
  }

  static let authority = makeAuthority("ca")
  static let otherAuthority = makeAuthority("other-ca")

  private static func issued(_ name: String, _ names: [String], _ key: Key = .ecdsa) -> LoadedCertificate {
    _ = authority
    issue(name, names: names, key: key)
    return load(name)
  }

  static let site = issued("site", ["site.test", "*.site.test", "127.0.0.1"])
  static let siteRSA = issued("site-rsa", ["site.test", "*.site.test"], .rsa)
  static let exact = issued("exact", ["exact.site.test"])
  static let elsewhere = issued("elsewhere", ["*.elsewhere.test"])
  static let client: LoadedCertificate = issued("client", ["client.test"])
  static let strangerClient: LoadedCertificate = {
    _ = otherAuthority
    issue("stranger", by: "other-ca", names: ["client.test"])
    return load("stranger")
  }()
}

extension TLSServerSettings {
  static func testing(
    _ certificates: [LoadedCertificate] = [Fixture.site], tickets: TicketKeys = TicketKeys(),
    _ change: (inout TLSServerSettings) -> Void = { _ in }
  ) -> TLSServerSettings {
    var settings = TLSServerSettings(certificates: certificates, tickets: tickets)
    change(&settings)
    return settings
  }
}
