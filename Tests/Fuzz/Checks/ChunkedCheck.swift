import Bytes
import HTTP
import HTTP1

/// A chunked body has one content and one end, however it arrives, and what we write of it reads the same.
enum ChunkedCheck {
  struct Result: Equatable {
    enum End: Equatable { case open, finished, malformed, astray(String) }
    var body: [UInt8] = []
    var trailers: [UInt8] = []
    /// Where the next message begins; only where the body is over.
    var consumed = 0
    var end = End.open
  }

  static func run(_ input: UnsafeBufferPointer<UInt8>) -> String? {
    var steering = Steering(input)
    let (one, other) = (steering.byte(), steering.byte())
    let bytes = Array(steering.rest)
    let whole = decode(bytes, arriving: [bytes.count])
    if case .astray(let why) = whole.end { return why }
    for way in arrivals(of: bytes.count, one, other) {
      let result = decode(bytes, arriving: way)
      guard result == whole else { return "arriving as \(way.prefix(4)): \(result), whole: \(whole)" }
    }
    guard whole.end == .finished else { return nil }
    let out = encoded(whole)
    var expected = whole
    expected.consumed = out.count
    let again = decode(out, arriving: [out.count])
    return again == expected ? nil : "written again as \(out.shown): \(again), was: \(whole)"
  }

  private static func encoded(_ result: Result) -> [UInt8] {
    var out = [UInt8]()
    if !result.body.isEmpty {
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Wire.chunkHeaderBytesMax) { header in
        out += header.prefix(Wire.putChunkHeader(result.body.count, at: header.baseAddress!))
      }
      out += result.body
      out += "\r\n"
    }
    out += "0\r\n"
    out += result.trailers
    out += "\r\n"
    return out
  }

  private static func decode(_ input: [UInt8], arriving way: [Int]) -> Result {
    var decoder = ChunkedDecoder()
    var result = Result()
    var taken = 0
    for count in way {
      while result.end == .open {
        let part = input[taken..<count]
        let isWaiting = withExact(part) { base in step(&decoder, base, part.count, &taken, &result) }
        if isWaiting { break }
      }
    }
    if result.end != .finished { result.consumed = 0 }
    return result
  }

  /// True when more bytes are needed.
  private static func step(
    _ decoder: inout ChunkedDecoder, _ base: UnsafePointer<UInt8>, _ count: Int, _ taken: inout Int,
    _ result: inout Result
  ) -> Bool {
    switch decoder.next(base, count: count) {
    case .needMore(let consumed):
      guard consumed <= count else { return fail(&result, "took \(consumed) of \(count)") }
      taken += consumed
      return true
    case .data(let consumed, let payload):
      guard consumed <= count, payload.end == consumed, !payload.isEmpty else {
        return fail(&result, "a piece is outside")
      }
      result.body += text(payload, base)
      taken += consumed
      return false
    case .trailers(let consumed, let bytes):
      guard consumed <= count, bytes.end <= consumed, !bytes.isEmpty else {
        return fail(&result, "trailers are outside")
      }
      result.trailers = text(bytes, base)
      let fields = UnsafeMutablePointer<HeaderField>.allocate(capacity: TrailerParser.fieldsMax)
      defer { fields.deallocate() }
      guard TrailerParser.parse(base + Int(bytes.start), count: Int(bytes.count), fields: fields) != nil else {
        return fail(&result, "trailers that were accepted do not parse")
      }
      taken += consumed
      result.end = .finished
    case .end(let consumed):
      guard consumed <= count else { return fail(&result, "took \(consumed) of \(count)") }
      taken += consumed
      result.end = .finished
    case .malformed: result.end = .malformed
    }
    result.consumed = taken
    return false
  }

  private static func fail(_ result: inout Result, _ why: String) -> Bool {
    result.end = .astray(why)
    return true
  }
}

/// Trailer fields lie inside of their section, and written again they are the same fields.
enum TrailerCheck {
  static func run(_ input: UnsafeBufferPointer<UInt8>) -> String? {
    var steering = Steering(input)
    let limit = Int(steering.byte() & 0x3F) + 1
    let bytes = Array(steering.rest)
    guard let fields = parse(bytes, limit) else { return nil }
    guard fields.count <= limit else { return "\(fields.count) fields where \(limit) were allowed" }
    var out = [UInt8]()
    for field in fields {
      if field.value.contains(where: { $0 != 9 && ($0 < 0x20 || $0 == 0x7F) }) {
        return "a control byte in \(field.value.shown)"
      }
      out += field.name
      out += ":"
      out += field.value
      out += "\r\n"
    }
    return parse(out, limit) == fields ? nil : "written again as \(out.shown)"
  }

  private static func parse(_ bytes: [UInt8], _ limit: Int) -> [OwnedField]? {
    let fields = UnsafeMutablePointer<HeaderField>.allocate(capacity: limit)
    defer { fields.deallocate() }
    return withExact(bytes) { base in
      guard let count = TrailerParser.parse(base, count: bytes.count, fields: fields, limit: limit) else { return nil }
      return ownedFields(HeaderList(base: base, fields: fields, count: count), within: bytes.count)
        ?? [OwnedField(name: Array("outside".utf8), value: [0], isDropped: true)]
    }
  }
}
