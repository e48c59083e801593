import Bytes
import HTTP
import HTTP1
import Testing

/// SplitMix64: the same numbers for the same seed, on every machine.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Hostile bytes: whatever they are, no parser traps, reads outside its buffer, or names bytes that are not there, and
/// how they arrive makes no difference.
@Suite struct MutationTests {
  static let seed: UInt64 = 0x5EED_0001
  static let limits = HeadLimits(requestLineBytes: 64, headBytes: 160, fields: 6)

  static let heads = [
    "GET /a?b HTTP/1.1\r\nHost: h\r\nConnection: upgrade, x\r\nUpgrade: websocket\r\nX: y\r\n\r\n",
    "\r\nPOST http://h:80/ HTTP/1.0\r\nHost: h\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\nConnection: close\r\n\r\n",
    "HTTP/1.0 204\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
  ].map { Array($0.utf8) }

  static let bodies = [
    "5\r\nhello\r\n10;a=b;c=\"d\\\"e\"\r\n0123456789abcdef\r\n0\r\nA: b\r\nC: d\r\n\r\n",
    "7fffffffffffffff\r\nx", "0\r\n\r\nGET / HTTP/1.1\r\n",
  ].map { Array($0.utf8) }

  /// Bytes that mean something to one of the grammars are more likely than others.
  static let spice = Array("\r\n\r\n\r\n \t:;,=\"\\/?#*@%[]0159afHTP/1.\0\u{7f}".utf8) + [0x80, 0xFF]

  static func mutated(_ input: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var bytes = input
    for _ in 0...Int(random.next() % 3) where !bytes.isEmpty {
      let at = Int(random.next() % UInt64(bytes.count))
      let byte =
        random.next() % 4 == 0
        ? UInt8(truncatingIfNeeded: random.next()) : spice[Int(random.next() % UInt64(spice.count))]
      switch random.next() % 4 {
      case 0: bytes[at] = byte
      case 1: bytes.insert(byte, at: at)
      case 2: bytes.remove(at: at)
      default:
        let end = min(bytes.count, at + Int(random.next() % 8))
        bytes.insert(contentsOf: bytes[at..<end], at: Int(random.next() % UInt64(bytes.count)))
      }
    }
    if random.next() % 8 == 0 { bytes.removeLast(Int(random.next() % UInt64(bytes.count + 1))) }
    return bytes
  }

  static func isInside(_ list: HeaderList, _ count: Int) -> Bool {
    (0..<list.count).allSatisfy {
      let field = list.fields[$0]
      return !field.name.isEmpty && field.name.end < field.value.end + 1 && field.value.end <= count
    }
  }

  @Test func mutatedHeadsAreReadWithinTheirBounds() {
    var random = SeededGenerator(state: Self.seed)
    let scratch = UnsafeMutablePointer<HeaderField>.allocate(capacity: Self.limits.fields)
    defer { scratch.deallocate() }
    var outcomes = (complete: 0, refused: 0, incomplete: 0)
    for round in 0..<30_000 {
      let input = Self.mutated(Self.heads[round % Self.heads.count], &random)
      let split = Int(random.next() % UInt64(input.count + 1))
      input.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        var request = RequestHead(headers: HeaderList(base: base, fields: scratch, count: 0))
        var response = ResponseHead(headers: HeaderList(base: base, fields: scratch, count: 0))
        func parse(_ count: Int, _ scan: inout HeadScan, _ isResponse: Bool) -> HeadOutcome {
          if isResponse {
            ResponseHeadParser.parse(
              base, count: count, scan: &scan, limits: Self.limits, method: .get, fields: scratch, into: &response)
          } else {
            RequestHeadParser.parse(
              base, count: count, scan: &scan, limits: Self.limits, fields: scratch, into: &request)
          }
        }
        for isResponse in [false, true] {
          var scan = HeadScan()
          var outcome = parse(split, &scan, isResponse)
          if outcome == .incomplete { outcome = parse(buffer.count, &scan, isResponse) }
          scan.reset()
          let whole = parse(buffer.count, &scan, isResponse)
          if outcome != whole { Issue.record("seed \(Self.seed) round \(round) split \(split): \(outcome), \(whole)") }
          switch whole {
          case .incomplete: outcomes.incomplete += 1
          case .refused: outcomes.refused += 1
          case .complete(let consumed):
            outcomes.complete += 1
            let list = isResponse ? response.headers : request.headers
            let line = isResponse ? response.reason.end : max(request.target.end, request.methodName.end)
            if consumed > buffer.count || line > consumed || !Self.isInside(list, consumed)
              || (!isResponse && (request.target.isEmpty || request.authority.end > consumed))
            {
              Issue.record("seed \(Self.seed) round \(round): ranges outside the head")
            }
          }
        }
      }
    }
    // The mutations are worth something only while they reach every kind of end.
    #expect(outcomes.complete > 1000 && outcomes.refused > 1000 && outcomes.incomplete > 1000, "\(outcomes)")
  }

  @Test func mutatedChunkedBodiesAreReadWithinTheirBounds() {
    var random = SeededGenerator(state: Self.seed)
    var ends = (over: 0, malformed: 0, waiting: 0)
    for round in 0..<15_000 {
      let input = Self.mutated(Self.bodies[round % Self.bodies.count], &random)
      let split = Int(random.next() % UInt64(input.count + 1))
      let whole = Self.walk(input, pieces: [input.count])
      let pieces = Self.walk(input, pieces: [split, input.count])
      if whole != pieces { Issue.record("seed \(Self.seed) round \(round) split \(split): \(pieces), \(whole)") }
      switch whole.end {
      case -1: ends.malformed += 1
      case -2: ends.waiting += 1
      default: ends.over += 1
      }
    }
    #expect(ends.over > 500 && ends.malformed > 500 && ends.waiting > 500, "\(ends)")
  }

  /// The number of payload bytes before the end, and where that is: -1 malformed, -2 not there yet. A malformed body is
  /// seen later in pieces than whole, so its payload does not count.
  static func walk(_ input: [UInt8], pieces: [Int]) -> (payload: Int, end: Int) {
    var decoder = ChunkedDecoder()
    var front = 0
    var payload = 0
    return input.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return (0, -2) }
      for count in pieces {
        while true {
          let step = decoder.next(base + front, count: count - front)
          let consumed: Int
          switch step {
          case .malformed: return (0, -1)
          case .needMore(let taken): consumed = taken
          case .data(let taken, let range):
            consumed = taken
            payload += Int(range.count)
            if range.isEmpty || range.end != taken { Issue.record("payload \(range) of \(taken)") }
          case .trailers(let taken, let range):
            consumed = taken
            if range.isEmpty || range.end + 2 != taken { Issue.record("trailers \(range) of \(taken)") }
          case .end(let taken): consumed = taken
          }
          guard consumed >= 0, front + consumed <= count else {
            Issue.record("consumed \(consumed) of \(count - front)")
            return (0, -3)
          }
          front += consumed
          if case .needMore = step { break }
          if case .data = step { continue }
          return (payload, front)
        }
      }
      return (payload, -2)
    }
  }
}
