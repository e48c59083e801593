import COpenSSL

extension CertificateError {
  /// Empties OpenSSL's error queue into one error, so that nothing old is found there by the next caller.
  static func openSSL(_ doing: String) -> CertificateError {
    var reason = "no reason given"
    while true {
      let code = ERR_get_error()
      if code == 0 { return .cryptography(doing: doing, reason: reason) }
      if let text = ERR_reason_error_string(code) { reason = String(cString: text) }
    }
  }
}
