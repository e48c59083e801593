import Bytes
import ControlPlane
import Loop
import ProxyEngine

/// An API call as the engine has it, in the form in which the control plane takes it: the engine calls back, the control
/// plane awaits.
@ControlLoop
final class EngineCall: APICall {
  private let call: LocalCall
  let host: String

  init(_ call: LocalCall) {
    self.call = call
    host = EngineCall.host(call.authority)
  }

  /// Without the port and the dot that may end it. What is no host is nobody's.
  private static func host(_ authority: String) -> String {
    var host = authority.lowercased()
    if let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") { host = String(host[..<colon]) }
    if host.hasSuffix(".") { host.removeLast() }
    return host
  }

  var method: String { call.method }
  var path: String { call.path }
  var query: String { call.query }
  var headers: [(name: String, value: String)] { call.headers }
  var client: IPAddress { call.client }
  var isOnListener: Bool { !call.isForwarded }
  var requestID: String { call.requestID }

  func body(limit: Int) async throws(APICallError) -> [UInt8] {
    var body: [UInt8] = []
    while let chunk = try await nextChunk() {
      guard body.count + chunk.count <= limit else { throw .tooLarge }
      body += chunk
    }
    return body
  }

  func nextChunk() async throws(APICallError) -> [UInt8]? {
    let chunk = await withCheckedContinuation { (continuation: CheckedContinuation<LocalCall.Chunk, Never>) in
      call.read { continuation.resume(returning: $0) }
    }
    switch chunk {
    case .bytes(let bytes): return bytes
    case .end: return nil
    case .gone: throw .gone
    }
  }

  func respond(status: Int, headers: [(name: String, value: String)], body: [UInt8]) {
    call.respond(LocalResponse(status: UInt16(clamping: status), headers: headers, body: body))
  }

  func begin(status: Int, headers: [(name: String, value: String)]) {
    call.begin(LocalResponse(status: UInt16(clamping: status), headers: headers))
  }

  func write(_ bytes: [UInt8]) async throws(APICallError) {
    let isRead = await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
      call.write(bytes) { continuation.resume(returning: $0) }
    }
    if !isRead { throw .gone }
  }

  func end() { call.end() }
  func abort() { call.abort() }
}
