internal import Bytes
internal import HTTP
internal import HTTP1

/// Reads the head of an answer off a connection; interim answers are passed over.
final class ResponseHeadReader {
  struct Head {
    var status: UInt16
    var fields: [(name: String, value: String)]
    var body: BodyFraming
  }

  private let connection: Connection
  private let method: Method
  private let limits = HeadLimits()
  private var scan = HeadScan()
  private let scratch: UnsafeMutablePointer<HeaderField>
  private var answer: Head?
  /// More 1xx than this are no answer but a way to keep us busy.
  private static let interimMax = 32
  private var interim = 0

  init(connection: Connection, method: String) {
    self.connection = connection
    var name = method
    self.method = name.withUTF8 { Method($0) }
    scratch = .allocate(capacity: limits.fields)
  }

  deinit { scratch.deallocate() }

  /// Waits for the head.
  func read() throws(ClientError) -> Head {
    while true {
      if try poll(), let answer { return answer }
      guard try connection.fill() else { throw .cut(connection.peer) }
    }
  }

  /// Whether the final head is there, by what has come so far.
  func poll() throws(ClientError) -> Bool {
    while answer == nil, connection.availableCount > 0 {
      let (outcome, head) = parse()
      switch outcome {
      case .incomplete: return false
      case .refused(let error): throw .malformed(error)
      case .complete(let consumed):
        connection.consume(consumed)
        scan.reset()
        guard head.status >= 200 else {
          interim += 1
          // 101 was not asked for, so it can only be a mistake.
          guard head.status != 101, interim <= ResponseHeadReader.interimMax else { throw .malformed(nil) }
          continue
        }
        answer = head
      }
    }
    return answer != nil
  }

  private func parse() -> (HeadOutcome, Head) {
    connection.withAvailable { bytes in
      var copied = Head(status: 0, fields: [], body: .none)
      guard let base = bytes.baseAddress else { return (.incomplete, copied) }
      var head = ResponseHead(headers: HeaderList(base: base, fields: scratch, count: 0))
      let outcome = ResponseHeadParser.parse(
        base, count: bytes.count, scan: &scan, limits: limits, method: method, fields: scratch, into: &head)
      guard case .complete = outcome else { return (outcome, copied) }
      copied.status = head.status
      copied.body = head.body
      for index in 0..<head.headers.count {
        let field = head.headers.fields[index]
        copied.fields.append(
          (
            String(decoding: head.headers.bytes(field.name), as: UTF8.self),
            String(decoding: head.headers.bytes(field.value), as: UTF8.self)
          ))
      }
      return (outcome, copied)
    }
  }
}
