import Certificates
import Foundation
import TLS

/// An authority of its own and a certificate for localhost and 127.0.0.1; gone with the object.
final class TestCertificates: Sendable {
  let folder: String

  init() {
    var template = Array("/tmp/porthole-client-XXXXXX".utf8CString)
    folder = String(cString: mkdtemp(&template)!)
    _ = try! DevelopmentCertificates(folder: folder).ensure(.exactly(["preview.localhost"]))
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  var authority: String { "\(folder)/ca.pem" }

  func context() -> TLSContext {
    let certificate = try! CertificateFiles.load(certificate: "\(folder)/cert.pem", key: "\(folder)/key.pem")
    var settings = TLSServerSettings(certificates: [certificate], tickets: TicketKeys())
    settings.offersHTTP2 = false
    return try! TLSContext(settings)
  }
}

/// The server's end of a TLS connection, on top of a `Peer`.
final class TLSPeer {
  private let peer: Peer
  private let session: TLSSession
  private let output = TLSOutput()
  private var loan: [UInt8] = []
  private var text: [UInt8] = []

  /// Nil when the handshake failed.
  init?(_ peer: Peer, _ context: TLSContext) {
    self.peer = peer
    session = TLSSession(server: context, output: output)!
    while true {
      let step = session.handshake()
      flush()
      if case .bytes = step { return }
      guard case .wantsInput = step, feed() else { return nil }
    }
  }

  var serverName: String { session.withServerName { String(decoding: $0, as: UTF8.self) } }

  private func feed() -> Bool {
    guard let more = peer.receive() else { return false }
    loan = more  // Lent until the session has used it up, which it has when it wants more.
    loan.withUnsafeBufferPointer { session.feed($0.baseAddress!, $0.count) }
    return true
  }

  private func flush() {
    peer.send(Array(UnsafeBufferPointer(start: output.base, count: output.count)))
    output.reset()
  }

  func send(_ bytes: [UInt8]) {
    _ = bytes.withUnsafeBufferPointer { session.write($0.baseAddress!, $0.count) }
    flush()
  }

  func send(_ answer: String) { send(Array(answer.utf8)) }

  /// Everything through `mark`; what follows it stays.
  func receive(through mark: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let wanted = Array(mark.utf8)
    while true {
      if let range = text.firstRange(of: wanted) {
        defer { text.removeSubrange(..<range.upperBound) }
        return String(decoding: text[..<range.upperBound], as: UTF8.self)
      }
      switch session.read(into: &buffer, capacity: buffer.count) {
      case .bytes(let count): text += buffer[..<count]
      case .wantsInput: guard feed() else { return nil }
      case .closed, .failed: return nil
      }
    }
  }

  /// How much of `count` bytes came.
  func body(_ count: Int) -> Int {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var seen = text.count
    while seen < count {
      switch session.read(into: &buffer, capacity: buffer.count) {
      case .bytes(let more): seen += more
      case .wantsInput: guard feed() else { return seen }
      case .closed, .failed: return seen
      }
    }
    return seen
  }

  /// Says that it is done.
  func finish() {
    session.shutdown()
    flush()
  }
}
