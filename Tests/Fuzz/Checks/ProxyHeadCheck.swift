import Bytes

@testable import ProxyEngine

/// Once a PROXY head is judged, more bytes change nothing; and an address that it names survives being written again.
enum ProxyHeadCheck {
  static func run(_ input: UnsafeBufferPointer<UInt8>) -> String? {
    let bytes = Array(input)
    let whole = parse(bytes, bytes.count)
    if case .complete(let consumed, _) = whole, consumed > bytes.count { return "took \(consumed) of \(bytes.count)" }
    for count in 0..<min(bytes.count, 512) {
      let early = parse(bytes, count)
      guard early == .incomplete || early == whole else { return "\(early) after \(count) bytes, \(whole) after all" }
    }
    guard case .complete(_, let source?) = whole else { return nil }
    let family = source.ip.isV4 ? "TCP4" : "TCP6"
    let line = Array("PROXY \(family) \(source.ip) \(source.ip) \(source.port) 1\r\n".utf8)
    // An IPv4 address in a version 2 head's IPv6 form is the same client.
    let again = parse(line, line.count)
    return again == .complete(consumed: line.count, source: source) ? nil : "written again as \(line.shown): \(again)"
  }

  private static func parse(_ bytes: [UInt8], _ count: Int) -> ProxyHead.Outcome {
    withExact(bytes.prefix(count)) { ProxyHead.parse($0, count: count) }
  }
}
