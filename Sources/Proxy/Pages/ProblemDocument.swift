internal import HTTP

/// The body of `application/problem+json` (RFC 9457).
enum ProblemDocument {
  static func text(_ refusal: Refusal, _ context: PageContext) -> String {
    let words = RefusalText(refusal)
    let word = "\(refusal.word)"
    var members = [
      // A name, not an address: nothing has to be served there, and it survives a move of the documentation.
      (#""type":"#, JSONText.string("urn:porthole:error:" + word.split(separator: "/").joined(separator: ":"))),
      (#""title":"#, JSONText.string(words.title)),
      (#""status":"#, "\(refusal.status)"),
      (#""detail":"#, JSONText.string(words.detail(context))),
    ]
    if !context.requestID.isEmpty {
      members.append((#""instance":"#, JSONText.string("urn:request:" + JSONText.uriEscaped(context.requestID))))
    }
    members.append((#""error":"#, JSONText.string(word)))
    if !context.requestID.isEmpty { members.append((#""requestId":"#, JSONText.string(context.requestID))) }
    if let seconds = context.retryAfterSeconds { members.append((#""retryAfter":"#, "\(seconds)")) }
    return "{" + members.map { $0.0 + $0.1 }.joined(separator: ",") + "}\n"
  }
}

/// Text in JSON, from any `String`. (Access-log lines come from raw bytes and have an escaper of their own.)
enum JSONText {
  static func string(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      // Controls must be escaped (RFC 8259 §7); DEL and C1 are better not shown to a terminal, either.
      case "\u{00}"..."\u{1F}", "\u{7F}"..."\u{9F}":
        let digits = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }

  /// RFC 3986 §2.1: everything but unreserved characters.
  static func uriEscaped(_ text: String) -> String {
    text.utf8.map { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: return String(UnicodeScalar(byte))
      default: return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }.joined()
  }
}
