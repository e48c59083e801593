/// Why a certificate could not be read, made or written. Each says which file, and what to do where that is not obvious.
public enum CertificateError: Error, Equatable, Sendable {
  /// The file is there, and it is not ours to replace.
  case foreignFile(path: String, why: String)
  case unreadable(path: String, reason: String)
  case unwritable(path: String, reason: String)
  /// The text is no PEM certificate or key.
  case malformed(path: String, what: String)
  case badDomain(String)
  case badDays(Int, max: Int)
  /// OpenSSL could not do its part; the words are its own.
  case cryptography(doing: String, reason: String)
}

extension CertificateError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .foreignFile(let path, let why):
      "\(path) was not made by `porthole certs dev` (\(why)), so it is left alone; move it away, or choose another folder with --out"
    case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
    case .unwritable(let path, let reason): "cannot write \(path): \(reason)"
    case .malformed(let path, let what): "\(path) is not \(what) in PEM form"
    case .badDomain(let domain):
      "\"\(domain)\" is not a domain name; expected one such as preview.localhost, without *. or a port"
    case .badDays(let days, let max):
      "a certificate cannot live \(days) days; choose 1 to \(max), which is what browsers accept"
    case .cryptography(let doing, let reason): "OpenSSL failed while \(doing): \(reason)"
    }
  }
}
