import Foundation

/// Base64 with the usual alphabet (RFC 4648 §4).
enum Base64 {
  /// Nil where it is none.
  static func decode(_ text: String) -> [UInt8]? { Data(base64Encoded: text).map { Array($0) } }

  static func encode(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}
