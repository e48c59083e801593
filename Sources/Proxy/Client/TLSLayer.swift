internal import Glibc
internal import TLS

/// The TLS session of one connection and the buffers around it. It touches no socket.
final class TLSLayer {
  enum Step: Equatable {
    case bytes(Int)
    case wantsInput
    /// The peer said that it is done, so what came is all there is.
    case closed
  }

  private let session: TLSSession
  private let output = TLSOutput(capacity: 65_536)
  /// Lent to the session from `feed` until all of it is used up: it lives as long as the session does.
  private let ciphertext: UnsafeMutablePointer<UInt8>
  static let ciphertextCapacity = 65_536
  private let host: String

  init(host: String, caFile: String?) throws(ClientError) {
    let context: TLSClientContext
    do throws(TLSError) {
      let verification = try caFile.map { file throws(TLSError) in
        TLSClientSettings.Verification.roots(try TrustAnchors.load(file))
      }
      context = try TLSClientContext(TLSClientSettings(verification: verification ?? .system, alpn: [.http1]))
    } catch {
      throw .trust("\(error)")
    }
    guard let session = TLSSession(client: context, serverName: host, output: output) else {
      throw .tls(host, reason: "it is no name that a certificate could have")
    }
    self.session = session
    self.host = host
    ciphertext = .allocate(capacity: TLSLayer.ciphertextCapacity)
  }

  deinit { ciphertext.deallocate() }

  var isHandshakeDone: Bool { session.isHandshakeDone }

  /// Whether the last input has been used up, and there is room for more.
  var isHungry: Bool { session.inputRemaining == 0 }

  /// Lends the buffer for ciphertext to `fill`, which answers how much it put there. Only when `isHungry`.
  func feed(_ fill: (UnsafeMutablePointer<UInt8>, Int) throws(ClientError) -> Int) throws(ClientError) {
    let count = try fill(ciphertext, TLSLayer.ciphertextCapacity)
    if count > 0 { session.feed(ciphertext, count) }
  }

  func handshake() throws(ClientError) -> Step { try step(session.handshake()) }

  func read(into: UnsafeMutablePointer<UInt8>, capacity: Int) throws(ClientError) -> Step {
    try step(session.read(into: into, capacity: capacity))
  }

  /// False when the session cannot go on.
  func write(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let base = bytes.baseAddress else { return true }
    return session.write(base, bytes.count)
  }

  func shutdown() { session.shutdown() }

  /// What is to be sent because of the calls so far; once.
  func takeOutput(into out: inout [UInt8]) {
    out.append(contentsOf: UnsafeBufferPointer(start: output.base, count: output.count))
    output.reset()
  }

  private func step(_ read: TLSRead) throws(ClientError) -> Step {
    switch read {
    case .bytes(let count): return .bytes(count)
    case .wantsInput: return .wantsInput
    case .closed: return .closed
    case .failed(.plainHTTP): throw .notTLS(host)
    case .failed(.untrustedPeer(let result)):
      throw .untrusted(host, reason: TLSLayer.reason("\(TLSFailure.untrustedPeer(verifyResult: result))"))
    case .failed(let failure): throw .tls(host, reason: "\(failure)")
    }
  }

  /// The failure's own text says again what our error says.
  private static func reason(_ text: String) -> String {
    let prefix = "certificate not accepted: "
    return text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
  }
}
