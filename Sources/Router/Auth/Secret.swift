internal import Bytes

/// The kinds of secret text that Porthole hands out. The prefix tells them apart in a log, a leak scanner or a request:
/// what begins like one of ours never reaches a sandbox, whether or not it is valid.
public enum Secret {
  /// A sandbox's token: `pht_` and 43 characters of base64url.
  public static let tokenPrefix: StaticString = "pht_"
  /// A key for the control API: `phk_` and 43 characters.
  public static let apiKeyPrefix: StaticString = "phk_"

  /// A new API key.
  public static func makeAPIKey() -> String { "\(apiKeyPrefix)" + Base64URL.encode(SecureRandom.bytes(32)) }

  /// An id with 100 random bits: a letter, so that it is one, and 20 characters of base 32 without look-alikes.
  public static func makeID(_ prefix: String) -> String {
    let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
    let digits = SecureRandom.bytes(20).map { alphabet[Int($0 & 31)] }
    return prefix + String(decoding: digits, as: UTF8.self)
  }

  /// Whether this is, or was once, or pretends to be one of ours.
  @inline(__always)
  public static func looksLikeOurs(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
    guard value.count >= 4, value[0] == 0x70, value[1] == 0x68, value[3] == 0x5F else { return false }
    return value[2] == 0x74 || value[2] == 0x6B
  }
}

extension CredentialKeys {
  /// The token of a sandbox in an epoch. It is derived, so that an answer that was lost can be given again without the
  /// token being kept anywhere.
  public func token(sandbox: String, epoch: UInt64) -> String {
    var message = Array("token\0".utf8)
    message += Array(sandbox.utf8)
    message.append(0)
    withUnsafeBytes(of: epoch.bigEndian) { message += Array($0) }
    return "\(Secret.tokenPrefix)" + Base64URL.encode(HMACSHA256(key: derivation).authenticate(message))
  }
}
