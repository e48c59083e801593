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
struct ProcessOutput {
  /// Whether the API was asked for base64, which output that need not be text arrives in unchanged.
  let isBase64: Bool

  /// Writes an event `stdout` or `stderr` to the stream of that name; false for any other.
  func write(_ event: StreamEvent) -> Bool {
    write(stream: event.type, JSON(parsing: event.data)?["data"]?.string ?? "")
  }

  func write(stream: String, _ text: String) -> Bool {
    let target: Terminal.Stream
    switch stream {
    case "stdout": target = .output
    case "stderr": target = .error
    default: return false
    }
    // What is no base64 after all is better shown as it is than lost.
    Terminal.write(isBase64 ? Base64.decode(text) ?? Array(text.utf8) : Array(text.utf8), to: target)
    return true
  }
}
