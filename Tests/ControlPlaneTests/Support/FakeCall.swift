import Bytes
import Loop

@testable import ControlPlane

/// A request from nowhere.
@ControlLoop
final class FakeCall: APICall {
  let method: String
  let path: String
  let query: String
  var host = "127.0.0.1"
  var headers: [(name: String, value: String)]
  let client = IPAddress("192.0.2.7")!
  var isOnListener = true
  let requestID = "req-1"

  /// What is still to come of the body.
  var chunks: [[UInt8]]
  /// Nobody reads any more.
  var isGone = false
  /// Returns only when the test lets it.
  var holdsWrites = false
  private var held: [CheckedContinuation<Void, Never>] = []

  private(set) var status: Int?
  private(set) var answerHeaders: [(name: String, value: String)] = []
  private(set) var answerBody: [UInt8] = []
  private(set) var hasEnded = false
  private(set) var isAborted = false
  private(set) var writes = 0

  init(
    _ method: String, _ target: String, headers: [(name: String, value: String)] = [], body: [UInt8] = []
  ) {
    self.method = method
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = String(parts[0])
    query = parts.count > 1 ? String(parts[1]) : ""
    self.headers = headers
    chunks = body.isEmpty ? [] : [body]
  }

  func body(limit: Int) async throws(APICallError) -> [UInt8] {
    let all = Array(chunks.joined())
    if all.count > limit { throw .tooLarge }
    return all
  }

  func nextChunk() async throws(APICallError) -> [UInt8]? {
    if isGone { throw .gone }
    return chunks.isEmpty ? nil : chunks.removeFirst()
  }

  func respond(status: Int, headers: [(name: String, value: String)], body: [UInt8]) {
    precondition(self.status == nil, "answered twice")
    self.status = status
    answerHeaders = headers
    answerBody = body
    hasEnded = true
  }

  func begin(status: Int, headers: [(name: String, value: String)]) {
    precondition(self.status == nil, "answered twice")
    self.status = status
    answerHeaders = headers
  }

  func write(_ bytes: [UInt8]) async throws(APICallError) {
    if holdsWrites { await withCheckedContinuation { held.append($0) } }
    if isGone { throw .gone }
    writes += 1
    answerBody += bytes
  }

  func letGo() {
    holdsWrites = false
    for continuation in held { continuation.resume() }
    held = []
  }

  func end() { hasEnded = true }
  func abort() { isAborted = true }

  var text: String { String(decoding: answerBody, as: UTF8.self) }
  func header(_ name: String) -> String? { answerHeaders.first { $0.name == name }?.value }

  /// Server-sent events so far.
  var events: [(event: String, data: JSONValue, id: Int64?)] {
    text.split(separator: "\n\n").compactMap { block in
      var (event, data, id) = ("", JSONValue.null, Int64?.none)
      for line in block.split(separator: "\n") {
        if line.hasPrefix("event: ") { event = String(line.dropFirst(7)) }
        if line.hasPrefix("id: ") { id = Int64(line.dropFirst(4)) }
        if line.hasPrefix("data: ") { data = (try? JSONParser.parse(Array(line.dropFirst(6).utf8))) ?? .null }
      }
      return event.isEmpty ? nil : (event, data, id)
    }
  }
}
