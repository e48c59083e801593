internal import Bytes
internal import Glibc

/// Bytes to a server and back, through TLS where that was asked for. It waits, but never longer than it was told to.
///
/// While it waits to send it also takes in what comes: a server that answers before it has read everything, and stops
/// reading, would otherwise wait for us while we wait for it.
final class Connection {
  /// Bytes that came and nobody has taken yet: `inbox[taken...]`.
  private var inbox: [UInt8] = []
  private var taken = 0
  /// How the server's side ended.
  private(set) var end: End?
  /// The server takes no more from us. What it has to say about that is still to be read.
  private(set) var isDeaf = false

  enum End {
    /// It said so.
    case clean
    /// The connection ended, and with TLS that may be somebody else's doing (RFC 8446 §6.1).
    case cut
  }

  private let socket: Socket
  private let tls: TLSLayer?
  private let idleTimeoutMs: Int?
  private let scratch: UnsafeMutablePointer<UInt8>
  private static let scratchCapacity = 65_536
  /// How much of an answer is taken in while we still send.
  private static let inboxMax = 1 << 20
  private var outbox: [UInt8] = []
  private var sent = 0

  /// - Parameter idleTimeoutMs: how long nothing may happen once it is connected; nil for ever.
  init(to server: ServerURL, caFile: String?, connectTimeoutMs: Int, idleTimeoutMs: Int?) throws(ClientError) {
    self.idleTimeoutMs = idleTimeoutMs
    // Before dialling: a file that cannot be read is no reason to bother the server.
    tls = server.isTLS ? try TLSLayer(host: server.host, caFile: caFile) : nil
    socket = try Socket.connect(
      to: try Resolver.addresses(of: server.host, port: server.port), timeoutMs: connectTimeoutMs)
    scratch = .allocate(capacity: Connection.scratchCapacity)
    if let tls { try handshake(tls, timeoutMs: connectTimeoutMs) }
  }

  deinit { scratch.deallocate() }

  var peer: String { socket.peer.description }

  private func handshake(_ tls: TLSLayer, timeoutMs: Int) throws(ClientError) {
    while !tls.isHandshakeDone {
      let outcome: Result<TLSLayer.Step, ClientError>
      do { outcome = .success(try tls.handshake()) } catch { outcome = .failure(error) }
      // Also after a failure: the alert tells the server why.
      tls.takeOutput(into: &outbox)
      if case .failure(let error) = outcome {
        try? flush()
        throw error
      }
      try flush()
      if tls.isHandshakeDone { return }
      _ = try socket.wait(for: Int16(POLLIN), timeoutMs: timeoutMs)
      try tls.feed { buffer, capacity throws(ClientError) in
        switch try socket.receive(into: buffer, capacity: capacity) {
        case .bytes(let count): return count
        case .wouldBlock: return 0
        case .end: throw .cut(socket.peer.description)
        }
      }
    }
  }
}

// Sending

extension Connection {
  /// Sends all of it, unless the server stops listening: see `isDeaf`.
  func send(_ bytes: UnsafeBufferPointer<UInt8>) throws(ClientError) {
    guard !isDeaf, !bytes.isEmpty else { return }
    if let tls {
      guard tls.write(bytes) else { throw .cut(peer) }
      tls.takeOutput(into: &outbox)
    } else {
      outbox.append(contentsOf: bytes)
    }
    try flush()
  }

  func send(_ bytes: [UInt8]) throws(ClientError) {
    try bytes.withUnsafeBufferPointer { buffer throws(ClientError) in try send(buffer) }
  }

  private func flush() throws(ClientError) {
    while sent < outbox.count, !isDeaf {
      let count = try outbox.withUnsafeBufferPointer { buffer throws(ClientError) in
        try socket.send(UnsafeBufferPointer(rebasing: buffer[sent...]))
      }
      guard let count else {
        isDeaf = true
        break
      }
      sent += count
      if count == 0 { try waitToSend() }
    }
    outbox.removeAll(keepingCapacity: true)
    sent = 0
  }

  private func waitToSend() throws(ClientError) {
    // So much of an answer before the request is over: it does not depend on the rest, and both would wait for ever.
    guard availableCount < Connection.inboxMax else {
      isDeaf = true
      return
    }
    var events = Int16(POLLOUT)
    if end == nil, tls?.isHandshakeDone ?? true { events |= Int16(POLLIN) }
    let ready = try socket.wait(for: events, timeoutMs: idleTimeoutMs)
    if ready & Int16(POLLIN) != 0 { try takeIn() }
  }
}

// Receiving

extension Connection {
  /// How much came and has not been taken.
  var availableCount: Int { inbox.count - taken }

  /// Lends what came; valid during the call.
  func withAvailable<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
    inbox.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[taken...])) }
  }

  func consume(_ count: Int) {
    taken += count
    if taken == inbox.count {
      inbox.removeAll(keepingCapacity: true)
      taken = 0
    } else if taken > Connection.scratchCapacity {
      inbox.removeFirst(taken)
      taken = 0
    }
  }

  /// Waits until there is more than there was. False when nothing more will come.
  func fill() throws(ClientError) -> Bool {
    let before = inbox.count
    while true {
      try takeIn()
      if inbox.count > before { return true }
      if end != nil { return false }
      _ = try socket.wait(for: Int16(POLLIN), timeoutMs: idleTimeoutMs)
    }
  }

  /// Takes in what is there now, at most one bufferful.
  func takeIn() throws(ClientError) {
    guard end == nil else { return }
    guard let tls else {
      switch try socket.receive(into: scratch, capacity: Connection.scratchCapacity) {
      case .bytes(let count): append(count)
      case .wouldBlock: break
      case .end: end = .clean
      }
      return
    }
    try takeIn(through: tls)
  }

  private func takeIn(through tls: TLSLayer) throws(ClientError) {
    while true {
      let step = try tls.read(into: scratch, capacity: Connection.scratchCapacity)
      tls.takeOutput(into: &outbox)
      switch step {
      case .bytes(let count):
        append(count)
        return
      case .closed:
        end = .clean
        return
      case .wantsInput:
        var received = Socket.Received.wouldBlock
        try tls.feed { buffer, capacity throws(ClientError) in
          received = try socket.receive(into: buffer, capacity: capacity)
          if case .bytes(let count) = received { return count }
          return 0
        }
        if received == .end { end = .cut }
        if case .bytes = received { continue }
        return
      }
    }
  }

  private func append(_ count: Int) { inbox.append(contentsOf: UnsafeBufferPointer(start: scratch, count: count)) }
}
