import Client

/// The events of an answer, one after the other.
struct EventStream {
  private let response: ClientResponse
  private var reader = EventStreamReader()
  private var waiting: [StreamEvent] = []

  init(_ response: ClientResponse) { self.response = response }

  /// How long the server wants a client to wait before it comes back.
  var retryMs: Int? { reader.retryMs }

  /// Waits for the next one; nil at the end of the stream.
  mutating func next() throws(ClientError) -> StreamEvent? {
    while waiting.isEmpty {
      guard let piece = try response.next() else { return nil }
      waiting = try reader.feed(piece).reversed()
    }
    return waiting.removeLast()
  }

  static func isOne(_ response: ClientResponse) -> Bool {
    response.field("Content-Type")?.lowercased().hasPrefix("text/event-stream") == true
  }
}

/// What a process in a sandbox wrote, on its way to our own streams.
enum ProcessOutput {
  /// Writes an event `stdout` or `stderr` to the stream of that name; false for any other.
  static func write(_ event: StreamEvent) -> Bool { write(stream: event.type, JSON(parsing: event.data) ?? .null) }

  /// - Parameter piece: `data`, as text or, where `encoding` says so, in base64.
  static func write(stream: String, _ piece: JSON) -> Bool {
    let target: Terminal.Stream
    switch stream {
    case "stdout": target = .output
    case "stderr": target = .error
    default: return false
    }
    let text = piece["data"]?.string ?? ""
    let isBase64 = piece["encoding"]?.string == "base64"
    Terminal.write(isBase64 ? Base64.decode(text) ?? Array(text.utf8) : Array(text.utf8), to: target)
    return true
  }
}
