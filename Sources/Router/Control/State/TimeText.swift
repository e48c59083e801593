internal import Glibc

/// Times as answers show them: RFC 3339 in UTC, with milliseconds.
enum TimeText {
  static func from(ms: UInt64) -> String {
    // A year of five digits is no RFC 3339, and no real time either.
    var seconds = time_t(min(ms / 1000, 253_402_300_799))
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let millis = String(1000 + ms % 1000).dropFirst()
    let year = String(10_000 + Int(parts.tm_year) + 1900).dropFirst()
    return
      "\(year)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(millis)Z"
  }

  static func json(ms: UInt64?) -> JSONValue { ms.map { .string(from(ms: $0)) } ?? .null }
}
