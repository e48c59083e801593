internal import COpenSSL

/// Why a session ended badly. All of these are the peer's doing or the two sides' lack of anything in common; none may be retried
/// on the same connection.
public enum TLSFailure: Equatable, Sendable {
  /// The first byte is a letter, which no TLS record begins with: somebody speaks HTTP in clear. Nothing was written to the
  /// output, so the connection can be answered in clear.
  case plainHTTP
  /// The peer gave up; the number is from RFC 8446 §6.
  case peerAlert(UInt8)
  /// The peer's certificate was not accepted; the number is OpenSSL's `X509_V_ERR`.
  case untrustedPeer(verifyResult: Int)
  /// A client certificate is required, and the client sent none.
  case certificateMissing
  /// Both sides spoke ALPN and share nothing (RFC 7301 §3.2).
  case noCommonProtocol
  /// Anything else, by OpenSSL's packed error code.
  case protocolError(code: UInt)
}

extension TLSFailure {
  /// Reads the thread's error queue after a failed call, and empties it: the next session on this thread must not see our errors.
  static func draining(_ ssl: OpaquePointer) -> TLSFailure {
    var code: UInt = 0
    // Libraries below leave entries of their own, before and after; the TLS layer's verdict is the last of its own.
    while true {
      let next = ERR_get_error()
      if next == 0 { break }
      if code == 0 || library(of: next) == ERR_LIB_SSL { code = next }
    }
    return TLSFailure(code: code, verifyResult: SSL_get_verify_result(ssl))
  }

  private init(code: UInt, verifyResult: Int) {
    guard TLSFailure.library(of: code) == ERR_LIB_SSL else {
      self = .protocolError(code: code)
      return
    }
    switch TLSFailure.reason(of: code) {
    case let alert where alert >= SSL_AD_REASON_OFFSET && alert <= SSL_AD_REASON_OFFSET + 255:
      self = .peerAlert(UInt8(alert - SSL_AD_REASON_OFFSET))
    case SSL_R_CERTIFICATE_VERIFY_FAILED: self = .untrustedPeer(verifyResult: verifyResult)
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: self = .certificateMissing
    case SSL_R_NO_APPLICATION_PROTOCOL: self = .noCommonProtocol
    default: self = .protocolError(code: code)
    }
  }

  private static func library(of code: UInt) -> Int32 { ERR_GET_LIB(code) }
  private static func reason(of code: UInt) -> Int32 { ERR_GET_REASON(code) }
}

extension TLSFailure: CustomStringConvertible {
  /// For logs.
  public var description: String {
    switch self {
    case .plainHTTP: "plain HTTP on a TLS port"
    case .peerAlert(let number):
      "peer sent alert \(number) (\(String(cString: SSL_alert_desc_string_long(Int32(number)))))"
    case .untrustedPeer(let result):
      "certificate not accepted: \(String(cString: X509_verify_cert_error_string(result)))"
    case .certificateMissing: "client sent no certificate"
    case .noCommonProtocol: "no application protocol in common"
    case .protocolError(let code): TLSFailure.reasonText(code)
    }
  }

  static func reasonText(_ code: UInt) -> String {
    guard let text = ERR_reason_error_string(code) else { return "TLS error \(code)" }
    return String(cString: text)
  }
}
