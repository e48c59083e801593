internal import Bytes
internal import HTTP
internal import HTTP1

/// An answer: its head, and its body as it comes.
public final class ClientResponse {
  public let status: UInt16
  /// In their order, names as they came.
  public let fields: [(name: String, value: String)]
  private let connection: Connection
  private var framing: BodyFraming
  private var decoder = ChunkedDecoder()
  private var isOver = false

  init(head: ResponseHeadReader.Head, connection: Connection) {
    status = head.status
    fields = head.fields
    framing = head.body
    self.connection = connection
  }

  /// The first value of a field, its name in any case.
  public func field(_ name: String) -> String? {
    let wanted = name.lowercased()
    return fields.first { $0.name.lowercased() == wanted }?.value
  }

  /// The next piece of the body, nil at its end. Throws `.cut` where the connection ended before the body did.
  public func next() throws(ClientError) -> [UInt8]? {
    while !isOver {
      switch framing {
      case .none: isOver = true
      case .length(let left): if let piece = try piece(of: left) { return piece }
      case .chunked: if let piece = try chunk() { return piece }
      case .untilEnd: if let piece = try pieceUntilEnd() { return piece }
      }
    }
    return nil
  }

  /// The whole body. Throws `.tooLarge` as soon as there is more than `limit`.
  public func readAll(limit: Int) throws(ClientError) -> [UInt8] {
    var all: [UInt8] = []
    while let piece = try next() {
      guard all.count + piece.count <= limit else { throw .tooLarge(bytes: limit) }
      all += piece
    }
    return all
  }

  // MARK: Framing (RFC 9112 §6.3)

  private func piece(of left: UInt64) throws(ClientError) -> [UInt8]? {
    if left == 0 {
      isOver = true
      return nil
    }
    try need(more: connection.availableCount == 0)
    let count = left < UInt64(connection.availableCount) ? Int(left) : connection.availableCount
    framing = .length(left - UInt64(count))
    return take(count)
  }

  private func chunk() throws(ClientError) -> [UInt8]? {
    while true {
      let (step, piece) = connection.withAvailable { bytes -> (ChunkedDecoder.Step, [UInt8]) in
        guard let base = bytes.baseAddress else { return (.needMore(consumed: 0), []) }
        let step = decoder.next(base, count: bytes.count)
        if case .data(_, let payload) = step { return (step, Array(payload.bytes(in: base))) }
        return (step, [])
      }
      switch step {
      case .data(let consumed, _):
        connection.consume(consumed)
        return piece
      case .needMore(let consumed):
        connection.consume(consumed)
        try need(more: true)
      case .trailers(let consumed, _), .end(let consumed):
        connection.consume(consumed)
        isOver = true
        return nil
      case .malformed: throw .malformed(nil)
      }
    }
  }

  private func pieceUntilEnd() throws(ClientError) -> [UInt8]? {
    if connection.availableCount == 0, try !connection.fill() {
      if connection.end == .cut { throw .cut(connection.peer) }
      isOver = true
      return nil
    }
    return take(connection.availableCount)
  }

  private func need(more: Bool) throws(ClientError) {
    if more, try !connection.fill() { throw .cut(connection.peer) }
  }

  private func take(_ count: Int) -> [UInt8] {
    let piece = connection.withAvailable { Array($0.prefix(count)) }
    connection.consume(count)
    return piece
  }
}
