public import Bytes
import CUV
import Glibc

/// A connected stream socket of one loop: reads into the loop's shared slab, writes at once what the kernel takes and
/// queues the rest.
///
/// Lifetime: from `opened` to its close callback libuv holds one reference for us (`passRetained`), so a stream cannot
/// go away under an event. `close` may be called from any callback, any number of times.
open class TCPStream: Deadlined {
  public let loop: EventLoop
  /// `uv_tcp_t` or `uv_pipe_t`; the larger of both is allocated.
  private let handle: UnsafeMutablePointer<uv_stream_t>
  private var request: UnsafeMutablePointer<uv_write_t>?
  private var queue = ByteQueue()
  private var bytesInFlight = 0
  private var wantsShutdown = false
  private var isShut = false
  public private(set) final var isClosing = false
  public private(set) final var isReading = false
  private var isOpen = false
  private var isPipe = false

  public init(loop: EventLoop) {
    self.loop = loop
    let bytes = max(MemoryLayout<uv_tcp_t>.size, MemoryLayout<uv_pipe_t>.size)
    handle = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 16).bindMemory(
      to: uv_stream_t.self, capacity: 1)
  }

  deinit {
    handle.deallocate()
    request?.deallocate()
  }

  // MARK: What a subclass is told

  /// Bytes arrived; they are valid during the call only.
  open func readCompleted(_ base: UnsafeMutablePointer<UInt8>, _ count: Int) {}
  /// The peer ended its side (nil) or the connection broke.
  open func readEnded(_ error: LoopError?) {}
  /// Queued bytes fell to or below `lowMark`.
  open func writeDrained() {}
  /// A queued write failed; the stream is of no more use.
  open func writeFailed(_ error: LoopError) {}
  /// A connection attempt ended.
  open func connectEnded(_ error: LoopError?) {}
  /// The handle is gone. Nothing is called after this.
  open func closed() {}

  // MARK: Opening

  private static func stream(_ data: UnsafeMutableRawPointer?) -> Unmanaged<TCPStream> { Unmanaged.fromOpaque(data!) }

  private var tcp: UnsafeMutablePointer<uv_tcp_t> {
    UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_tcp_t.self)
  }
  private var pipe: UnsafeMutablePointer<uv_pipe_t> {
    UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_pipe_t.self)
  }
  private var anyHandle: UnsafeMutablePointer<uv_handle_t> {
    UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)
  }

  private func opened() {
    isOpen = true
    handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
  }

  /// Takes the connection that `listener` has ready.
  public final func accept(from listener: TCPListener) -> LoopError? {
    isPipe = listener.unixPath != nil
    if isPipe { uv_pipe_init(loop.uv, pipe, 0) } else { uv_tcp_init(loop.uv, tcp) }
    opened()
    let status = uv_accept(listener.stream, handle)
    return status == 0 ? nil : LoopError(code: status)
  }

  /// Begins to connect; `connectEnded` tells how it went. A returned error means that it is not called.
  public final func connect(to address: SocketAddress) -> LoopError? {
    uv_tcp_init(loop.uv, tcp)
    opened()
    let connecting = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
    let status = address.withSockaddr { sockaddr, _ in
      uv_tcp_connect(connecting, tcp, sockaddr) { TCPStream.connected($0, $1) }
    }
    if status != 0 {
      connecting.deallocate()
      return LoopError(code: status)
    }
    uv_tcp_nodelay(tcp, 1)
    return nil
  }

  /// Connects to a Unix stream socket.
  public final func connect(toUnixPath path: String) {
    isPipe = true
    uv_pipe_init(loop.uv, pipe, 0)
    opened()
    let connecting = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
    uv_pipe_connect(connecting, pipe, path) { TCPStream.connected($0, $1) }
  }

  private static func connected(_ connecting: UnsafeMutablePointer<uv_connect_t>?, _ status: Int32) {
    let data = connecting!.pointee.handle.pointee.data
    connecting!.deallocate()
    stream(data)._withUnsafeGuaranteedRef { stream in
      if stream.isClosing { return }
      stream.connectEnded(status == 0 ? nil : LoopError(code: status))
    }
  }

  /// The other end's address; one system call.
  public final var peerAddress: SocketAddress? {
    var storage = sockaddr_storage()
    var length = Int32(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        uv_tcp_getpeername(tcp, $0, &length) == 0 ? SocketAddress($0) : nil
      }
    }
  }

  /// Our end's address: the one that the client dialled.
  public final var localAddress: SocketAddress? {
    var storage = sockaddr_storage()
    var length = Int32(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        uv_tcp_getsockname(tcp, $0, &length) == 0 ? SocketAddress($0) : nil
      }
    }
  }

  /// Whether the peer has closed or sent something unasked, by looking without taking. One system call.
  public final var hasUnreadInput: Bool {
    var fd: uv_os_fd_t = -1
    guard uv_fileno(anyHandle, &fd) == 0 else { return true }
    var byte: UInt8 = 0
    let got = recv(fd, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
    return !(got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
  }

  /// Has the kernel ask whether the peer is still there, after a minute of silence.
  public final func enableKeepAlive() { if !isPipe, isOpen, !isClosing { uv_tcp_keepalive(tcp, 1, 60) } }

  // MARK: Reading

  public final func startReading() {
    if isReading || isClosing || !isOpen { return }
    isReading = true
    uv_read_start(
      handle,
      { handle, _, buffer in
        TCPStream.stream(handle!.pointee.data)._withUnsafeGuaranteedRef { stream in
          let slab = stream.loop.readSlab
          buffer!.pointee.base = UnsafeMutableRawPointer(slab.base).assumingMemoryBound(to: CChar.self)
          buffer!.pointee.len = slab.capacity
        }
      },
      { handle, count, buffer in
        if count == 0 { return }
        TCPStream.stream(handle!.pointee.data)._withUnsafeGuaranteedRef { stream in
          if count > 0 {
            stream.readCompleted(
              UnsafeMutableRawPointer(buffer!.pointee.base!).assumingMemoryBound(to: UInt8.self), count)
          } else {
            stream.stopReading()
            stream.readEnded(count == Int(UV_EOF.rawValue) ? nil : LoopError(code: Int32(count)))
          }
        }
      })
  }

  public final func stopReading() {
    if !isReading { return }
    isReading = false
    if !isClosing { uv_read_stop(handle) }
  }

  // MARK: Writing

  /// When the queue falls to this, `writeDrained` is called.
  public static var lowMark: Int { 65_536 }

  /// Bytes that the kernel has not taken yet.
  public final var bytesQueued: Int { queue.count }

  /// Writes now what the kernel takes; copies and queues the rest. False when the stream is broken or closed.
  @discardableResult
  public final func write(_ base: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    if isClosing || wantsShutdown { return false }
    var sent = 0
    if queue.isEmpty {
      var buffer = uv_buf_t(
        base: UnsafeMutableRawPointer(mutating: base).assumingMemoryBound(to: CChar.self), len: count)
      let status = uv_try_write(handle, &buffer, 1)
      if status >= 0 {
        sent = Int(status)
        if sent == count { return true }
      } else if status != UV_EAGAIN.rawValue {
        return false
      }
    }
    queue.append(base + sent, count &- sent, pool: loop.slabs)
    return submit()
  }

  /// Hands queued bytes to libuv. False when it will not have them: the stream is of no more use.
  private func submit() -> Bool {
    if bytesInFlight > 0 || queue.isEmpty || isClosing { return true }
    let request = self.request ?? .allocate(capacity: 1)
    self.request = request
    return withUnsafeTemporaryAllocation(of: uv_buf_t.self, capacity: 16) { buffers in
      var used = 0
      var total = 0
      queue.forEachChunk { chunk in
        buffers[used] = uv_buf_t(
          base: UnsafeMutableRawPointer(mutating: chunk.baseAddress!).assumingMemoryBound(to: CChar.self),
          len: chunk.count)
        used += 1
        total += chunk.count
        return used < 16
      }
      bytesInFlight = total
      let status = uv_write(request, handle, buffers.baseAddress!, UInt32(used)) { request, status in
        TCPStream.stream(request!.pointee.handle.pointee.data)._withUnsafeGuaranteedRef { $0.wrote(status) }
      }
      if status != 0 { bytesInFlight = 0 }
      return status == 0
    }
  }

  private func wrote(_ status: Int32) {
    let done = bytesInFlight
    bytesInFlight = 0
    if isClosing { return }
    if status != 0 {
      writeFailed(LoopError(code: status))
      return
    }
    queue.consume(done, pool: loop.slabs)
    guard submit() else {
      writeFailed(.reset)
      return
    }
    if queue.isEmpty, wantsShutdown { shutNow() }
    if queue.count <= TCPStream.lowMark { writeDrained() }
  }

  /// Ends our side (FIN) once the queue is empty.
  public final func shutdownWrite() {
    if wantsShutdown || isClosing { return }
    wantsShutdown = true
    if queue.isEmpty { shutNow() }
  }

  private func shutNow() {
    if isShut || isClosing { return }
    isShut = true
    var fd: uv_os_fd_t = -1
    // The queue is empty, so the plain call is exact; libuv's own needs a request that outlives us.
    if uv_fileno(anyHandle, &fd) == 0 { shutdown(fd, Int32(SHUT_WR)) }
  }

  public final var hasShutdownBegun: Bool { wantsShutdown }

  // MARK: Closing

  /// Closes without waiting for queued bytes.
  public final func close() {
    if isClosing || !isOpen { return }
    isClosing = true
    isReading = false
    loop.timers.forget(self)
    uv_close(anyHandle) { handle in
      let unmanaged = TCPStream.stream(handle!.pointee.data)
      unmanaged._withUnsafeGuaranteedRef { stream in
        stream.forgetTurnEnd(of: stream.loop)
        stream.loop.timers.forget(stream)
        stream.queue.removeAll(pool: stream.loop.slabs)
        stream.closed()
      }
      unmanaged.release()
    }
  }

  /// Closes so that the peer sees a reset: what it has not read of ours may be lost. For peers that broke the rules.
  public final func abort() {
    if isClosing || !isOpen { return }
    var fd: uv_os_fd_t = -1
    if uv_fileno(anyHandle, &fd) == 0 {
      var option = linger(l_onoff: 1, l_linger: 0)
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }
    close()
  }
}
