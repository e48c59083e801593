import COpenSSL

/// SHA-1 for the WebSocket handshake and SHA-256 for uploads. Owns the OpenSSL object.
final class Digest {
  enum Algorithm {
    case sha1, sha256
  }

  private let context: OpaquePointer

  init(_ algorithm: Algorithm) {
    // Fails only when memory runs out, and then the demo may end.
    context = EVP_MD_CTX_new()!
    precondition(EVP_DigestInit_ex(context, algorithm == .sha1 ? EVP_sha1() : EVP_sha256(), nil) == 1)
  }

  deinit { EVP_MD_CTX_free(context) }

  func update(_ bytes: some Collection<UInt8>) {
    _ = bytes.withContiguousStorageIfAvailable { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
  }

  func finish() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    EVP_DigestFinal_ex(context, &bytes, &count)
    return Array(bytes[..<Int(count)])
  }
}

package enum Text {
  static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  static func base64(_ bytes: [UInt8]) -> String {
    // Four for three, and the zero that OpenSSL puts behind.
    var out = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
    let count = EVP_EncodeBlock(&out, bytes, Int32(bytes.count))
    return String(decoding: out[..<Int(count)], as: UTF8.self)
  }

  /// A JSON string with its quotes (RFC 8259 §7).
  package static func json(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case _ where scalar.value < 0x20:
        let hex = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}
