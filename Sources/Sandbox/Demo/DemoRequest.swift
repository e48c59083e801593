/// A request head. The demo reads what well-behaved clients send; being strict about the rest is the proxy's work.
package struct DemoRequest {
  package let method: String
  package let target: String
  package let version: String
  package let fields: [(name: String, value: String)]

  /// Nil at the end of the connection, and where the head is malformed or longer than 64 KiB.
  package init?(from connection: Connection) {
    guard let start = connection.readLine(max: 16384) else { return nil }
    let parts = String(decoding: start, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[2] == "HTTP/1.1" || parts[2] == "HTTP/1.0" else { return nil }
    var fields: [(name: String, value: String)] = []
    var bytes = 0
    while true {
      guard let line = connection.readLine(max: 16384) else { return nil }
      if line.isEmpty { break }
      bytes += line.count
      guard bytes <= 65536, let colon = line.firstIndex(of: 0x3A) else { return nil }
      let value = String(decoding: line[(colon + 1)...], as: UTF8.self)
      fields.append((String(decoding: line[..<colon], as: UTF8.self), DemoRequest.trimmed(value)))
    }
    method = String(parts[0])
    target = String(parts[1])
    version = String(parts[2])
    self.fields = fields
  }

  package subscript(name: String) -> String? { fields.first { $0.name.lowercased() == name }?.value }

  package func lists(_ name: String, _ token: String) -> Bool {
    (self[name] ?? "").lowercased().split(separator: ",").contains { DemoRequest.trimmed(String($0)) == token }
  }

  package var path: String { String(target.prefix { $0 != "?" }) }

  /// The value of `name` in the query; nothing is decoded.
  package func query(_ name: String) -> String? {
    guard let mark = target.firstIndex(of: "?") else { return nil }
    let pairs = target[target.index(after: mark)...].split(separator: "&")
    return pairs.first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.count + 1)) }
  }

  package var keepsAlive: Bool {
    version == "HTTP/1.1" ? !lists("connection", "close") : lists("connection", "keep-alive")
  }

  private static func trimmed(_ text: String) -> String {
    var rest = text[...]
    while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
    while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
    return String(rest)
  }
}
