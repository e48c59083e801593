internal import Loop

/// An answer of server-sent events (WHATWG HTML, "Server-sent events").
@ControlLoop
final class EventStream {
  private let call: any APICall
  /// Called when nobody is there to read any more.
  var whenGone: (@ControlLoop () -> Void)?
  private(set) var isGone = false

  init(_ call: any APICall) {
    self.call = call
    call.begin(
      status: 200,
      headers: [
        ("content-type", "text/event-stream"), ("cache-control", "no-store"),
        // What nginx needs to be told in order to pass events on as they come.
        ("x-accel-buffering", "no"),
      ])
  }

  static func isWanted(_ call: any APICall) -> Bool {
    call.headers.contains { $0.name == "accept" && $0.value.lowercased().contains("text/event-stream") }
  }

  /// JSON has no line breaks, so one `data` line is enough.
  func send(_ event: String, _ data: JSONValue, id: Int64? = nil) async {
    await write((id.map { "id: \($0)\n" } ?? "") + "event: \(event)\ndata: \(JSONWriter.string(data))\n\n")
  }

  func comment(_ text: String) async { await write(": \(text)\n\n") }

  func end() { if !isGone { call.end() } }

  private func write(_ text: String) async {
    if isGone { return }
    do {
      try await call.write(Array(text.utf8))
    } catch {
      isGone = true
      whenGone?()
    }
  }
}
