import Bytes

@testable import Telemetry

extension AccessRecord {
  /// A record like those of an ordinary request.
  static func sample() -> AccessRecord {
    var record = AccessRecord()
    record.timeNs = 1_795_255_200_123_456_789  // 2026-11-21T10:00:00.123Z
    record.client = IPAddress("192.0.2.7")!
    record.method = text("GET")
    record.host = text("3000-bench.preview.localhost")
    record.target = text("/a%20b?x=1")
    record.status = 200
    record.responseBytes = 5
    record.durationUs = 1_234
    return record
  }

  func line(_ format: AccessLogFormat) -> String {
    let bytes = [UInt8](unsafeUninitializedCapacity: lineBytesMax) { buffer, count in
      var line = LineWriter(at: buffer.baseAddress!)
      var timestamps = TimestampCache(format == .json ? .rfc3339 : .commonLog)
      switch format {
      case .json: writeJSON(to: &line, &timestamps)
      case .common: writeCommon(to: &line, &timestamps, combined: false)
      case .combined: writeCommon(to: &line, &timestamps, combined: true)
      }
      count = line.at - buffer.baseAddress!
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// The bytes of a literal, which live for ever.
func text(_ literal: StaticString) -> AccessRecord.Text {
  AccessRecord.Text(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
}
