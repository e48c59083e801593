internal import Bytes
internal import COpenSSL
internal import CShims
internal import Glibc

/// What a step of a session came to.
public enum TLSRead: Equatable, Sendable {
  case bytes(Int)
  case wantsInput
  /// The peer said close_notify: it sends nothing more, and what came before it is complete (RFC 8446 §6.1).
  case closed
  case failed(TLSFailure)
}

/// The application protocol that ALPN settled (RFC 7301). `none`: the peer did not speak ALPN, so HTTP/1.1 by convention.
public enum ALPN: UInt8, Sendable {
  case none
  case http1
  case http2
}

/// One TLS connection, either side: ciphertext in by `feed`, ciphertext out through the worker's `TLSOutput`, no sockets.
///
/// Every call may append to the output, `read` included (a KeyUpdate is answered, an alert is sent), and so may a call that
/// fails. Confined to the loop of its worker.
public final class TLSSession {
  let ssl: OpaquePointer
  let wire: UnsafeMutablePointer<SessionWire>
  /// These keep alive what `wire` and OpenSSL point to.
  private let output: TLSOutput
  private let context: AnyObject
  private var phase: Phase
  private var isPeerDone = false
  private var isShutdownSent = false
  public private(set) var negotiated: ALPN

  private enum Phase {
    /// Nothing has been fed yet. Next: handshaking, failed.
    case fresh
    /// Next: open, failed.
    case handshaking
    /// Next: failed.
    case open
    /// Terminal.
    case failed(TLSFailure)
  }

  /// Nil only when memory ran out.
  public convenience init?(server context: TLSContext, output: TLSOutput) {
    self.init(context.defaultContext, keeping: context, output: output, callbacks: Unmanaged.passUnretained(context))
    SSL_set_accept_state(ssl)
  }

  /// `serverName` is the host name or IP literal to ask for and to verify; empty for none where nothing is verified. Nil
  /// when it is no valid name, or memory ran out.
  public convenience init?(client context: TLSClientContext, serverName: String, output: TLSOutput) {
    self.init(context.context, keeping: context, output: output, callbacks: nil)
    guard context.expect(serverName, on: ssl) else { return nil }
    var name = serverName
    if !name.isEmpty { name.withUTF8 { wire.pointee.setServerName($0) } }
    SSL_set_connect_state(ssl)
  }

  private init?(
    _ openSSL: OpenSSLContext, keeping context: AnyObject, output: TLSOutput, callbacks: Unmanaged<TLSContext>?
  ) {
    guard let ssl = SSL_new(openSSL.pointer) else { return nil }
    wire = .allocate(capacity: 1)
    wire.initialize(to: SessionWire(output: output.cursor, context: callbacks))
    self.ssl = ssl
    self.output = output
    self.context = context
    phase = .fresh
    negotiated = .none
    guard SSL_set_ex_data(ssl, 0, wire) == 1, let bio = WireBIO.make(over: wire) else { return nil }
    SSL_set_bio(ssl, bio, bio)  // takes the one reference for both directions
  }

  deinit {
    SSL_free(ssl)
    free(wire.pointee.serverName)
    wire.deallocate()
  }
}

// Ciphertext in

extension TLSSession {
  /// Lends ciphertext to the session until the next call of `feed`; whatever was left of the last loan is forgotten.
  public func feed(_ base: UnsafePointer<UInt8>, _ count: Int) {
    wire.pointee.input = base
    wire.pointee.inputRemaining = count
  }

  /// How much of the loan is still to be taken: the caller must keep it and feed it again. Zero once `read` wants input.
  public var inputRemaining: Int { wire.pointee.inputRemaining }
}

// Handshake

extension TLSSession {
  public var isHandshakeDone: Bool {
    if case .open = phase { true } else { false }
  }

  /// Advances the handshake: `.bytes(0)` when it is done.
  public func handshake() -> TLSRead {
    switch phase {
    case .failed(let failure): return .failed(failure)
    case .open: return .bytes(0)
    case .handshaking: if isPeerDone { return .closed }
    case .fresh:
      if wire.pointee.inputRemaining > 0 {
        // Before OpenSSL sees it: that knows only four methods, and would put an alert before our answer for the others.
        // A record begins with a content type of 20 to 24 (RFC 8446 §5.1), never with a letter.
        if (wire.pointee.input[0] | 0x20) &- 0x61 < 26 { return fail(.plainHTTP) }
        phase = .handshaking
      }
    }
    wire.pointee.isStarved = false
    let result = SSL_do_handshake(ssl)
    if result == 1 {
      // A handshake may succeed and yet leave errors behind (a ticket that could not be read, say).
      ERR_clear_error()
      negotiated = agreedProtocol()
      phase = .open
      return .bytes(0)
    }
    if isWaitingForInput {
      ERR_clear_error()
      return .wantsInput
    }
    return end(result)
  }

  private func agreedProtocol() -> ALPN {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    SSL_get0_alpn_selected(ssl, &name, &count)
    let bytes = UnsafeBufferPointer(start: name, count: Int(count))
    if ASCII.equals(bytes, "h2") { return .http2 }
    return ASCII.equals(bytes, "http/1.1") || ASCII.equals(bytes, "http/1.0") ? .http1 : .none
  }
}

// Plaintext

extension TLSSession {
  /// Decrypts as many records as the loan holds and `capacity` takes, so one call serves one turn of the loop. After fewer bytes
  /// than `capacity`, the next call answers `.wantsInput` or how the session ended, without entering OpenSSL when it can.
  public func read(into: UnsafeMutablePointer<UInt8>, capacity: Int) -> TLSRead {
    guard case .open = phase else { return readBeforeOpen(into: into, capacity: capacity) }
    if isPeerDone { return .closed }
    var filled = 0
    while filled < capacity {
      // An idle SSL_read costs hundreds of nanoseconds: it allocates the buffer that it then finds nothing for.
      if wire.pointee.inputRemaining == 0, SSL_has_pending(ssl) == 0 { break }
      wire.pointee.isStarved = false
      let count = SSL_read(ssl, into + filled, Int32(clamping: capacity - filled))
      if count > 0 {
        filled += Int(count)
        continue
      }
      if isWaitingForInput { break }
      let outcome = end(count)
      if filled == 0 { return outcome }
      break  // the next call reports it
    }
    return filled > 0 ? .bytes(filled) : .wantsInput
  }

  /// Off the fast path: a caller that reads before the handshake is done advances it.
  private func readBeforeOpen(into: UnsafeMutablePointer<UInt8>, capacity: Int) -> TLSRead {
    let step = handshake()
    return step == .bytes(0) ? read(into: into, capacity: capacity) : step
  }

  /// Encrypts everything; the handshake must be done. False when the session cannot go on.
  ///
  /// That includes a peer that splits a KeyUpdate over records and goes silent between them: OpenSSL then wants the rest of it
  /// before it writes, and such a peer is not worth a queue.
  public func write(_ base: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    guard case .open = phase, !isShutdownSent else { return false }
    var sent = 0
    while sent < count {
      // The BIO takes everything, so OpenSSL returns only when all of it is encrypted.
      let result = SSL_write(ssl, base + sent, Int32(clamping: count - sent))
      guard result > 0 else {
        _ = end(result)
        return false
      }
      sent += Int(result)
    }
    return true
  }

  /// Appends close_notify, once. Reading goes on: the peer may still be sending (RFC 8446 §6.1).
  public func shutdown() {
    guard case .open = phase, !isShutdownSent else { return }
    isShutdownSent = true
    if SSL_shutdown(ssl) < 0 { ERR_clear_error() }
  }
}

// Results

extension TLSSession {
  /// Whether the last call stopped for want of ciphertext. Asked of our own BIO rather than by `SSL_get_error`, which would
  /// need the thread's error queue to be empty before every call.
  private var isWaitingForInput: Bool {
    wire.pointee.isStarved && SSL_want(ssl) == SSL_READING
  }

  /// Takes in a call that neither succeeded nor waits.
  private func end(_ result: Int32) -> TLSRead {
    if SSL_get_error(ssl, result) == SSL_ERROR_ZERO_RETURN {
      isPeerDone = true
      return .closed
    }
    return fail(.draining(ssl))
  }

  private func fail(_ failure: TLSFailure) -> TLSRead {
    phase = .failed(failure)
    return .failed(failure)
  }
}
