/// Writes the Prometheus text exposition format 0.0.4.
///
/// The caller opens a family and then writes its samples; the format wants all samples of a family together.
public struct PrometheusText {
  /// The value of `Content-Type` for these bytes.
  public static let contentType: StaticString = "text/plain; version=0.0.4; charset=utf-8"

  public private(set) var bytes: [UInt8] = []

  public init() { bytes.reserveCapacity(64 * 1024) }

  public enum Kind: String, Sendable {
    case counter, gauge, histogram
  }

  public mutating func family(_ name: String, _ kind: Kind, _ help: String) {
    bytes.append(contentsOf: "# HELP \(name) \(PrometheusText.escaped(help, quotes: false))\n".utf8)
    bytes.append(contentsOf: "# TYPE \(name) \(kind.rawValue)\n".utf8)
  }

  /// One sample. Label values may be any text; names of metrics and labels are ours and are taken as they are.
  public mutating func sample(_ name: String, _ value: String, _ labels: KeyValuePairs<String, String> = [:]) {
    let pairs = labels.map { "\($0.key)=\"\(PrometheusText.escaped($0.value, quotes: true))\"" }
    line(name, pairs.joined(separator: ","), value)
  }

  /// A sample whose labels are already written.
  mutating func line(_ name: String, _ labels: String, _ value: String) {
    bytes.append(contentsOf: name.utf8)
    if !labels.isEmpty {
      bytes.append(UInt8(ascii: "{"))
      bytes.append(contentsOf: labels.utf8)
      bytes.append(UInt8(ascii: "}"))
    }
    bytes.append(UInt8(ascii: " "))
    bytes.append(contentsOf: value.utf8)
    bytes.append(UInt8(ascii: "\n"))
  }

  /// Backslash and line feed are escaped everywhere, the quotation mark in label values only.
  static func escaped(_ text: String, quotes: Bool) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\"" where quotes: out += "\\\""
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }

  /// Microseconds as seconds, exactly: 96 is `0.000096`.
  static func seconds(us: UInt64) -> String {
    let fraction = String(us % 1_000_000)
    return "\(us / 1_000_000)." + String(repeating: "0", count: 6 - fraction.count) + fraction
  }
}
