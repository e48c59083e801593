internal import Bytes
internal import HTTP

/// One request. `Host`, `Connection`, `User-Agent` and the framing are added.
public struct ClientRequest {
  public enum Body {
    case none
    case bytes([UInt8])
    /// Read piece by piece as the server takes it; nil from `next` is its end. With a `length`, exactly that many bytes are
    /// sent, and fewer are an error; without one the body is chunked.
    case stream(length: UInt64?, next: () throws(ClientError) -> [UInt8]?)
  }

  /// Upper case.
  public var method: String
  /// Path and query as they go out, percent-encoded by the caller: see `PercentEncoding`.
  public var target: String
  public var fields: [(name: String, value: String)]
  public var body: Body
  /// How long nothing may happen; nil for ever, which streams of events need.
  public var idleTimeoutMs: Int?

  public init(
    _ method: String, _ target: String, fields: [(name: String, value: String)] = [], body: Body = .none,
    idleTimeoutMs: Int? = 60_000
  ) {
    self.method = method
    self.target = target
    self.fields = fields
    self.body = body
    self.idleTimeoutMs = idleTimeoutMs
  }
}

extension ClientRequest {
  /// The head, up to and with the empty line.
  ///
  /// Throws `.badRequest` for a target or field that would not arrive as it is: one that could end its line, above all.
  func head(for server: ServerURL, userAgent: String) throws(ClientError) -> [UInt8] {
    var path = server.pathPrefix + target
    let isTarget = path.withUTF8 { HTTPGrammar.isTarget($0, method: .get) }
    guard isTarget, !method.isEmpty, method.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) else {
      throw .badRequest("the path of the request has characters that do not belong there")
    }
    var head = "\(method) \(path) HTTP/1.1\r\nHost: \(server.authority)\r\nConnection: close\r\n"
    let own = [("User-Agent", userAgent)] + framing
    for (name, value) in own + fields {
      guard ClientRequest.isName(name), ClientRequest.isValue(value) else {
        throw .badRequest("the header field \(ClientRequest.isName(name) ? name : "") cannot be sent as it is")
      }
      head += "\(name): \(value)\r\n"
    }
    return Array((head + "\r\n").utf8)
  }

  private var framing: [(name: String, value: String)] {
    switch body {
    // RFC 9110 §8.6: methods that usually have a body say that there is none.
    case .none: ["POST", "PUT", "PATCH"].contains(method) ? [("Content-Length", "0")] : []
    case .bytes(let bytes): [("Content-Length", "\(bytes.count)")]
    case .stream(let length?, _): [("Content-Length", "\(length)")]
    case .stream(nil, _): [("Transfer-Encoding", "chunked")]
    }
  }

  private static func isName(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy {
        ASCII.isDigit($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D
      }
  }

  /// RFC 9110 §5.5: visible characters, with spaces and tabs between them; nothing that ends the line.
  private static func isValue(_ text: String) -> Bool {
    text.utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) } && text.utf8.first != 0x20
      && text.utf8.last != 0x20
  }
}

/// Text as a part of a path or the value of a query parameter.
public enum PercentEncoding {
  /// Everything but the unreserved characters (RFC 3986 §2.3) is encoded, `/` and `.` at the edge cases too: what goes in is
  /// one segment, whatever it says.
  public static func component(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var out: [UInt8] = []
    // A segment of dots would be taken for a way up by whoever normalizes paths.
    let isDots = text == "." || text == ".."
    for byte in text.utf8 {
      let isLetter = (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      let isMark = byte == 0x2D || byte == 0x5F || byte == 0x7E || (byte == 0x2E && !isDots)
      if isLetter || ASCII.isDigit(byte) || isMark {
        out.append(byte)
      } else {
        out += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}
