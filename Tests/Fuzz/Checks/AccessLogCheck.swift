import Bytes

@testable import Telemetry

/// Whatever a client sends, a line of the log is one line, within its reserve, and JSON where it says so.
enum AccessLogCheck {
  static func run(_ input: UnsafeBufferPointer<UInt8>) -> String? {
    var steering = Steering(input)
    var record = AccessRecord()
    let choice = steering.byte()
    record.status = UInt16(steering.byte()) << 2
    record.timeNs = UInt64(steering.byte()) << 54 | UInt64(steering.byte()) << 40
    record.client = IPAddress(
      high: UInt64(steering.byte()) << 50, low: UInt64(steering.byte()) << 32 | 0xFFFF_0000_0000)
    if choice & 1 != 0 { record.tls = "TLSv1.3" }
    if choice & 2 != 0 { record.refusal = "upstream/closed" }
    if choice & 4 != 0 { record.firstByteUs = UInt64(choice) << 50 }
    if choice & 8 != 0 { record.upstream = SocketAddress(ip: record.client, port: 65_535) }
    if choice & 16 != 0 {
      (record.requestBytes, record.responseBytes, record.durationUs, record.port) = (.max, .max, .max, .max)
    }
    record.method = steering.bytes(until: 0x0A)
    record.host = steering.bytes(until: 0x0A)
    record.sandbox = steering.bytes(until: 0x0A)
    record.requestID = steering.bytes(until: 0x0A)
    record.userAgent = steering.bytes(until: 0x00)
    record.referer = steering.bytes(until: 0x00)
    record.target = steering.rest
    for format in AccessLogFormat.allCases {
      if let why = complaint(line(record, format), record, format) { return "\(format): \(why)" }
    }
    return nil
  }

  private static func line(_ record: AccessRecord, _ format: AccessLogFormat) -> [UInt8] {
    withExact([UInt8](repeating: 0, count: record.lineBytesMax)) { memory in
      var line = LineWriter(at: memory)
      var timestamps = TimestampCache(format == .json ? .rfc3339 : .commonLog)
      switch format {
      case .json: record.writeJSON(to: &line, &timestamps)
      case .common: record.writeCommon(to: &line, &timestamps, combined: false)
      case .combined: record.writeCommon(to: &line, &timestamps, combined: true)
      }
      return Array(UnsafeBufferPointer(start: memory, count: line.at - memory))
    }
  }

  private static func complaint(_ line: [UInt8], _ record: AccessRecord, _ format: AccessLogFormat) -> String? {
    guard line.count <= record.lineBytesMax else { return "\(line.count) bytes in \(record.lineBytesMax)" }
    guard line.last == 0x0A, line.dropLast().allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      return "not one clean line: \(line.shown)"
    }
    guard String(validating: line, as: UTF8.self) != nil else { return "not UTF-8" }
    if format == .json { return JSONGrammar.accepts(line.dropLast()) ? nil : "not JSON: \(line.shown)" }
    return line.dropLast().allSatisfy { $0 <= 0x7E } ? nil : "not ASCII"
  }
}

/// RFC 8259, yes or no.
struct JSONGrammar {
  private var rest: ArraySlice<UInt8>

  static func accepts(_ text: ArraySlice<UInt8>) -> Bool {
    var reader = JSONGrammar(rest: text)
    return reader.value(depth: 0) && reader.rest.isEmpty
  }

  private mutating func take(_ literal: StaticString) -> Bool {
    let bytes = UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
    guard rest.starts(with: bytes) else { return false }
    rest = rest.dropFirst(bytes.count)
    return true
  }

  private mutating func value(depth: Int) -> Bool {
    guard depth < 8, let first = rest.first else { return false }
    switch first {
    case UInt8(ascii: "{"): return object(depth)
    case UInt8(ascii: "\""): return string()
    case UInt8(ascii: "t"): return take("true")
    case UInt8(ascii: "f"): return take("false")
    case UInt8(ascii: "n"): return take("null")
    default: return number()
    }
  }

  private mutating func object(_ depth: Int) -> Bool {
    _ = take("{")
    if take("}") { return true }
    repeat {
      guard string(), take(":"), value(depth: depth + 1) else { return false }
    } while take(",")
    return take("}")
  }

  private mutating func number() -> Bool {
    _ = take("-")
    let whole = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }
    guard !whole.isEmpty, whole.count == 1 || whole.first != 0x30 else { return false }
    rest = rest.dropFirst(whole.count)
    guard take(".") else { return true }
    let fraction = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }
    rest = rest.dropFirst(fraction.count)
    return !fraction.isEmpty
  }

  private mutating func string() -> Bool {
    guard take("\"") else { return false }
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\"") { return true }
      if byte < 0x20 { return false }
      if byte == UInt8(ascii: "\\"), !escape() { return false }
    }
    return false
  }

  private mutating func escape() -> Bool {
    guard let kind = rest.popFirst() else { return false }
    if kind != UInt8(ascii: "u") { return "\"\\/bfnrt".utf8.contains(kind) }
    let digits = rest.prefix(4)
    rest = rest.dropFirst(4)
    return digits.count == 4 && digits.allSatisfy { Character(UnicodeScalar($0)).isHexDigit }
  }
}
