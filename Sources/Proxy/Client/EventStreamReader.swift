/// One event of a stream (WHATWG HTML §9.2).
public struct StreamEvent: Equatable, Sendable {
  /// `message` where the stream named none.
  public let type: String
  public let data: String
  /// The last id that the stream gave, to resume after; empty before there was one.
  public let id: String

  public init(type: String, data: String, id: String) {
    self.type = type
    self.data = data
    self.id = id
  }
}

/// Turns the bytes of `text/event-stream` into events, as WHATWG HTML §9.2.6 reads them. No I/O.
public struct EventStreamReader {
  /// Of one event: a runaway stream shall not fill the memory.
  public static let eventBytesMax = 16 << 20

  public private(set) var lastID = ""
  /// How long the server wants us to wait before we come back, in milliseconds.
  public private(set) var retryMs: Int?
  private var line: [UInt8] = []
  private var type = ""
  private var data: [UInt8] = []
  private var hasData = false
  private var isAfterCR = false
  private var isFirstLine = true

  public init() {}

  /// Takes the next bytes and answers the events that they complete. Throws `.tooLarge`, after which the reader is of no
  /// more use.
  public mutating func feed(_ bytes: some Sequence<UInt8>) throws(ClientError) -> [StreamEvent] {
    var events: [StreamEvent] = []
    for byte in bytes {
      // CR, LF and CRLF each end a line, and a CRLF may be split between two reads.
      let isSecondOfTwo = isAfterCR && byte == 0x0A
      isAfterCR = byte == 0x0D
      if isSecondOfTwo { continue }
      if byte == 0x0A || byte == 0x0D {
        if let event = endLine() { events.append(event) }
      } else {
        guard line.count + data.count < EventStreamReader.eventBytesMax else {
          throw .tooLarge(bytes: EventStreamReader.eventBytesMax)
        }
        line.append(byte)
      }
    }
    return events
  }

  private mutating func endLine() -> StreamEvent? {
    defer { line.removeAll(keepingCapacity: true) }
    if isFirstLine {
      isFirstLine = false
      if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
    }
    if line.isEmpty { return dispatch() }
    let colon = line.firstIndex(of: 0x3A) ?? line.endIndex
    // A line that begins with a colon is a comment, such as a sign of life.
    if colon == line.startIndex { return nil }
    var value = line[colon...].dropFirst()
    if value.first == 0x20 { value = value.dropFirst() }
    take(String(decoding: line[..<colon], as: UTF8.self), value)
    return nil
  }

  private mutating func take(_ name: String, _ value: ArraySlice<UInt8>) {
    switch name {
    case "event": type = String(decoding: value, as: UTF8.self)
    case "data":
      if hasData { data.append(0x0A) }
      data += value
      hasData = true
    case "id": if !value.contains(0) { lastID = String(decoding: value, as: UTF8.self) }
    case "retry":
      if !value.isEmpty, value.count < 10, value.allSatisfy({ (0x30...0x39).contains($0) }) {
        retryMs = Int(String(decoding: value, as: UTF8.self))
      }
    default: break
    }
  }

  private mutating func dispatch() -> StreamEvent? {
    defer {
      type = ""
      data.removeAll(keepingCapacity: true)
      hasData = false
    }
    guard hasData else { return nil }
    return StreamEvent(type: type.isEmpty ? "message" : type, data: String(decoding: data, as: UTF8.self), id: lastID)
  }
}
