import Bytes
import Loop
import TLS

/// Why a connection does not read. It reads when the set is empty.
struct PauseReasons: OptionSet {
  let rawValue: UInt8
  /// The other side has more queued than it should.
  static let peerFull = PauseReasons(rawValue: 1)
  /// The next request must wait until the current one is answered.
  static let pipelined = PauseReasons(rawValue: 2)
  /// The request's body has nowhere to go yet: no upstream connection.
  static let awaitingUpstream = PauseReasons(rawValue: 4)
}

/// A stream socket, with TLS or without: plaintext in and out.
///
/// A connection that is paused holds back at most one read: ciphertext that the session has not taken waits in `stash`.
class Transport: TCPStream {
  unowned(unsafe) let worker: Worker
  final var tls: TLSSession?
  private var stash = ByteQueue()
  private(set) final var pauseReasons: PauseReasons = []
  /// Plaintext that came before it could be used: a head or a trailer section in pieces, a pipelined request, a body
  /// without an upstream. Contiguous, since parsers need it so.
  final var held: Slab?
  final var heldCount = 0
  /// The peer's close_notify has come.
  private var isPeerDone = false

  /// More than this queued towards a peer pauses whoever produces it.
  static var highMark: Int { 262_144 }

  init(worker: Worker) {
    self.worker = worker
    super.init(loop: worker.loop)
  }

  // MARK: What a subclass is told

  /// Plaintext, valid during the call. All of it must be taken.
  func received(_ base: UnsafeMutablePointer<UInt8>, _ count: Int) {}
  /// The peer ended its side in good order (nil) or the connection broke.
  func ended(_ error: LoopError?) {}
  func handshakeCompleted() {}
  func tlsFailed(_ failure: TLSFailure) {}
  func countReceived(_ bytes: Int) {}
  func countSent(_ bytes: Int) {}
  /// The peer takes nothing any more. The caller of `send` is told as well.
  func sendFailed() {}
  /// End of the loop's turn, after stashed input was given again.
  func turnWork() {}
  /// Held input may be usable now.
  func takeHeldInput() {}

  // MARK: In

  override func readCompleted(_ base: UnsafeMutablePointer<UInt8>, _ count: Int) {
    countReceived(count)
    guard tls != nil else {
      received(base, count)
      return
    }
    if !stash.isEmpty {
      stash.append(base, count, pool: loop.slabs)
      drainStash()
      return
    }
    let left = decrypt(base, count)
    if left > 0 { stash.append(base + (count - left), left, pool: loop.slabs) }
  }

  private func drainStash() {
    while !stash.isEmpty, pauseReasons.isEmpty, !isClosing {
      let chunk = stash.front!
      let left = decrypt(UnsafeMutablePointer(mutating: chunk.baseAddress!), chunk.count)
      if isClosing { return }
      stash.consume(chunk.count - left, pool: loop.slabs)
      if left == chunk.count { return }
    }
  }

  /// Gives ciphertext to the session and its plaintext to `received`. Returns how many bytes at the end were not taken.
  private func decrypt(_ base: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
    guard let tls else { return 0 }
    tls.feed(base, count)
    if !tls.isHandshakeDone {
      let step = tls.handshake()
      flushCiphertext()
      if isClosing { return 0 }
      switch step {
      case .bytes: handshakeCompleted()
      case .wantsInput: return 0
      case .closed:
        ended(nil)
        return 0
      case .failed(let failure):
        tlsFailed(failure)
        return 0
      }
    }
    let plain = worker.plaintext
    while !isClosing, pauseReasons.isEmpty {
      var got = 0
      var last = TLSRead.wantsInput
      // A whole record must fit, so that nothing decrypted waits inside the session.
      reading: while got + 16_384 <= Worker.plaintextBytes {
        last = tls.read(into: plain + got, capacity: Worker.plaintextBytes - got)
        guard case .bytes(let more) = last else { break reading }
        got += more
      }
      flushCiphertext()
      if got > 0 { received(plain, got) }
      if isClosing { return 0 }
      switch last {
      case .bytes: continue
      case .wantsInput: return 0
      case .closed:
        isPeerDone = true
        ended(nil)
        return 0
      case .failed(let failure):
        tlsFailed(failure)
        return 0
      }
    }
    return isClosing ? 0 : tls.inputRemaining
  }

  /// A TLS client speaks first.
  final func startHandshake() {
    guard let tls else { return }
    if case .failed(let failure) = tls.handshake() {
      flushCiphertext()
      tlsFailed(failure)
      return
    }
    flushCiphertext()
  }

  override func readEnded(_ error: LoopError?) {
    guard tls != nil, error == nil else {
      ended(error)
      return
    }
    // The FIN behind a close_notify says nothing new; without one the end may be anybody's (RFC 8446 §6.1), and a body
    // that lasts until the end is cut off (RFC 9112 §9.8).
    if !isPeerDone { ended(.reset) }
  }

  // MARK: Held input

  final var holdsInput: Bool { heldCount > 0 }

  /// Copies plaintext behind what is held already.
  final func hold(_ base: UnsafePointer<UInt8>, _ count: Int) {
    if count == 0 { return }
    let wanted = heldCount + count
    if let slab = held, slab.capacity >= wanted {
      (slab.base + heldCount).update(from: base, count: count)
    } else {
      let larger = loop.slabs.take(wanted)
      if let slab = held {
        larger.base.update(from: slab.base, count: heldCount)
        loop.slabs.give(slab)
      }
      (larger.base + heldCount).update(from: base, count: count)
      held = larger
    }
    heldCount = wanted
  }

  final func dropHeld() {
    if let slab = held { loop.slabs.give(slab) }
    held = nil
    heldCount = 0
  }

  // MARK: Pausing

  final func pause(_ reason: PauseReasons) {
    pauseReasons.insert(reason)
    stopReading()
  }

  final func resume(_ reason: PauseReasons) {
    guard pauseReasons.contains(reason) else { return }
    pauseReasons.remove(reason)
    guard pauseReasons.isEmpty, !isClosing else { return }
    if !stash.isEmpty || holdsInput {
      // Given at the end of the turn: whoever resumes is in the middle of something.
      observeTurnEnd(of: loop)
    }
    startReading()
  }

  override func turnEnded() {
    if isClosing { return }
    if holdsInput, pauseReasons.isEmpty { takeHeldInput() }
    if !stash.isEmpty { drainStash() }
    if isClosing { return }
    turnWork()
  }

  // MARK: Out

  private func flushCiphertext() {
    let output = worker.ciphertext
    if output.count > 0 {
      countSent(output.count)
      write(output.base, output.count)
      output.reset()
    }
  }

  /// Sends plaintext now; what the kernel does not take is queued. False: the connection is broken.
  @discardableResult
  final func send(_ base: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    if count == 0 { return true }
    guard let tls else {
      countSent(count)
      if write(base, count) { return true }
      sendFailed()
      return false
    }
    let output = worker.ciphertext
    guard tls.write(base, count) else {
      output.reset()
      sendFailed()
      return false
    }
    countSent(output.count)
    let isWritten = write(output.base, output.count)
    output.reset()
    if !isWritten { sendFailed() }
    return isWritten
  }

  /// Ends our side: close_notify, then FIN after what is queued (RFC 8446 §6.1).
  final func finishWriting() {
    if let tls, tls.isHandshakeDone, !hasShutdownBegun, !isClosing {
      tls.shutdown()
      flushCiphertext()
    }
    shutdownWrite()
  }

  override func closed() {
    stash.removeAll(pool: loop.slabs)
    dropHeld()
  }
}
