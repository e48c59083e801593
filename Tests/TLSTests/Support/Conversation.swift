import COpenSSL
import Testing

@testable import TLS

/// One side of a conversation: a session, what it has been sent and not taken, and what it has read.
final class Side {
  let session: TLSSession
  let output: TLSOutput
  var inbox: [UInt8] = []
  var received: [UInt8] = []
  /// The last answer of the session; `.closed` and `.failed` stay.
  var state: TLSRead = .wantsInput
  /// A small window finds code that believes in whole records.
  var plaintextCapacity = 65536

  init(_ session: TLSSession, _ output: TLSOutput) {
    self.session = session
    self.output = output
  }

  var failure: TLSFailure? {
    if case .failed(let failure) = state { failure } else { nil }
  }

  /// Feeds up to `count` bytes, reads all there is, and hands over the ciphertext produced.
  func step(feeding count: Int) -> [UInt8] {
    let window = Array(inbox.prefix(count))
    window.withUnsafeBufferPointer { bytes in
      if let base = bytes.baseAddress { session.feed(base, bytes.count) }
      if !session.isHandshakeDone { state = session.handshake() }
      if session.isHandshakeDone { readAll() }
    }
    let taken = window.count - (window.isEmpty ? 0 : session.inputRemaining)
    inbox.removeFirst(taken)
    return takeOutput()
  }

  private func readAll() {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: plaintextCapacity) { buffer in
      while true {
        state = session.read(into: buffer.baseAddress!, capacity: plaintextCapacity)
        guard case .bytes(let count) = state else { return }
        #expect(count > 0 && count <= plaintextCapacity)
        received += buffer[0..<count]
      }
    }
  }

  func takeOutput() -> [UInt8] {
    defer { output.reset() }
    return Array(UnsafeBufferPointer(start: output.base, count: output.count))
  }

  func write(_ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBufferPointer { $0.baseAddress.map { session.write($0, bytes.count) } ?? true }
  }

  func write(_ text: String) -> Bool { write(Array(text.utf8)) }
  var receivedText: String { String(decoding: received, as: UTF8.self) }
  var serverName: String { session.withServerName { String(decoding: $0, as: UTF8.self) } }
}

/// A client and a server joined in memory.
final class Conversation {
  let client: Side
  let server: Side
  /// How many bytes the next delivery carries; tests replace it to split the stream.
  var splitting: () -> Int = { Int.max }

  init(
    _ server: TLSContext, _ client: TLSClientContext? = nil, name: String = "site.test",
    _ prepare: (OpaquePointer) -> Void = { _ in }
  ) throws {
    let client = try client ?? TLSClientContext(TLSClientSettings(verification: .roots(Fixture.authority)))
    let clientOutput = TLSOutput()
    let serverOutput = TLSOutput()
    self.client = Side(try #require(TLSSession(client: client, serverName: name, output: clientOutput)), clientOutput)
    self.server = Side(try #require(TLSSession(server: server, output: serverOutput)), serverOutput)
    prepare(self.client.session.ssl)
  }

  convenience init(
    _ settings: TLSServerSettings = .testing(), name: String = "site.test",
    _ prepare: (OpaquePointer) -> Void = { _ in }
  )
    throws
  {
    try self.init(TLSContext(settings), name: name, prepare)
  }

  /// Carries bytes both ways until neither side has anything to say.
  @discardableResult
  func run() -> Conversation {
    server.inbox += client.takeOutput()
    client.inbox += server.takeOutput()
    var quietRounds = 0
    while quietRounds < 2 {
      let before = (client.inbox.count, server.inbox.count)
      let toServer = client.step(feeding: splitting())
      server.inbox += toServer
      let toClient = server.step(feeding: splitting())
      client.inbox += toClient
      let isQuiet = toServer.isEmpty && toClient.isEmpty && before == (client.inbox.count, server.inbox.count)
      quietRounds = isQuiet ? quietRounds + 1 : 0
    }
    return self
  }

  var isOpen: Bool {
    client.session.isHandshakeDone && server.session.isHandshakeDone && client.failure == nil && server.failure == nil
  }

  /// A session that a later conversation may offer. The caller frees it.
  func takeClientSession() -> OpaquePointer? { SSL_get1_session(client.session.ssl) }
}

/// What the tests need of OpenSSL's macros.
enum ClientTweak {
  static func limit(_ ssl: OpaquePointer, to version: TLSVersion) {
    SSL_ctrl(ssl, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
    SSL_ctrl(ssl, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version.rawValue), nil)
  }

  static func offer(_ ssl: OpaquePointer, _ names: [String]) {
    let wire = names.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
    SSL_set_alpn_protos(ssl, wire, UInt32(wire.count))
  }

  static func useCertificate(_ ssl: OpaquePointer, _ name: String) {
    SSL_use_certificate_file(ssl, Fixture.path("\(name).pem"), SSL_FILETYPE_PEM)
    SSL_use_PrivateKey_file(ssl, Fixture.path("\(name).key"), SSL_FILETYPE_PEM)
  }

  static func askForStaple(_ ssl: OpaquePointer) {
    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE, Int(TLSEXT_STATUSTYPE_ocsp), nil)
  }

  static func staple(_ ssl: OpaquePointer) -> [UInt8]? {
    var bytes: UnsafeMutablePointer<UInt8>?
    let count = withUnsafeMutablePointer(to: &bytes) { SSL_ctrl(ssl, SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, 0, $0) }
    guard let bytes, count > 0 else { return nil }
    return Array(UnsafeBufferPointer(start: bytes, count: count))
  }

  /// The common name of the certificate that the server showed.
  static func peerName(_ ssl: OpaquePointer) -> String {
    SSL_get0_peer_certificate(ssl).map { CertificateChain.subject(of: $0) } ?? ""
  }
}
