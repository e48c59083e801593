internal import HTTP1

/// Sends one request. It stops early where the server has answered already, or listens no more.
struct RequestWriter {
  let connection: Connection
  let reader: ResponseHeadReader

  func send(_ request: ClientRequest, head: [UInt8]) throws(ClientError) {
    switch request.body {
    case .none: try connection.send(head)
    case .bytes(let bytes): try connection.send(head + bytes)
    case .stream(let length, let next):
      try connection.send(head)
      if let length { try send(next, length: length) } else { try sendChunked(next) }
    }
  }

  private func send(_ next: () throws(ClientError) -> [UInt8]?, length: UInt64) throws(ClientError) {
    var left = length
    while left > 0 {
      if try isOver() { return }
      guard let piece = try next() else { throw .source("the body ended before the length that it was said to have") }
      // A file that grows while it is read is sent as long as it was.
      let part = piece.count > left ? Array(piece.prefix(Int(left))) : piece
      try connection.send(part)
      left -= UInt64(part.count)
    }
  }

  private func sendChunked(_ next: () throws(ClientError) -> [UInt8]?) throws(ClientError) {
    while true {
      if try isOver() { return }
      guard let piece = try next() else { break }
      if !piece.isEmpty { try connection.send(RequestWriter.chunk(piece)) }
    }
    try connection.send(Array("0\r\n\r\n".utf8))
  }

  /// Header, data and CRLF together, so that they leave in one segment where they fit.
  private static func chunk(_ piece: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Wire.chunkHeaderBytesMax + piece.count + 2) { buffer, count in
      // The capacity is never zero, so there is an address.
      guard let out = buffer.baseAddress else { return }
      count = Wire.putChunkHeader(piece.count, at: out)
      count += piece.withUnsafeBufferPointer { Wire.put($0, at: out + count) }
      count += Wire.put("\r\n", at: out + count)
    }
  }

  private func isOver() throws(ClientError) -> Bool {
    if connection.isDeaf { return true }
    try connection.takeIn()
    return try reader.poll() || connection.end != nil
  }
}
