public import Bytes
import CUV
import Glibc

/// A listening socket of one worker. Every worker has its own on the same address (`SO_REUSEPORT`): the kernel spreads
/// connections and no accept lock exists.
open class TCPListener {
  public let loop: EventLoop
  /// A `uv_tcp_t` or a `uv_pipe_t`; the larger of both is allocated.
  let stream: UnsafeMutablePointer<uv_stream_t>
  private var handle: UnsafeMutablePointer<uv_tcp_t> {
    UnsafeMutableRawPointer(stream).assumingMemoryBound(to: uv_tcp_t.self)
  }
  private var pipe: UnsafeMutablePointer<uv_pipe_t> {
    UnsafeMutableRawPointer(stream).assumingMemoryBound(to: uv_pipe_t.self)
  }
  /// A socket in the file system instead of an address.
  public let unixPath: String?
  /// With port 0 asked for, the port that the kernel chose.
  public private(set) var address: SocketAddress
  private var isOpen = false

  public init(loop: EventLoop, address: SocketAddress, unixPath: String? = nil) {
    self.loop = loop
    self.address = address
    self.unixPath = unixPath
    let bytes = max(MemoryLayout<uv_tcp_t>.size, MemoryLayout<uv_pipe_t>.size)
    stream = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 16).bindMemory(
      to: uv_stream_t.self, capacity: 1)
  }

  deinit { stream.deallocate() }

  /// A connection is ready: make a stream and let it `accept(from: self)`.
  open func connectionReady() {}

  /// Binds and listens. `descriptor` hands over a socket that is already bound (another worker's, an older process').
  public final func listen() throws(LoopError) {
    if let unixPath {
      try listen(unixPath)
      return
    }
    let family = address.ip.isV4 ? AF_INET : AF_INET6
    let fd = socket(
      family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard fd >= 0 else { throw LoopError(code: -errno) }
    func set(_ level: Int32, _ name: Int32, _ value: Int32) {
      var value = value
      setsockopt(fd, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }
    set(SOL_SOCKET, SO_REUSEADDR, 1)
    set(SOL_SOCKET, SO_REUSEPORT, 1)
    // Accepted sockets inherit it on Linux: one call here instead of one per connection.
    set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    // A peer that vanished is noticed within about two and a half minutes, also on a tunnel that is idle for hours.
    set(SOL_SOCKET, SO_KEEPALIVE, 1)
    set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, 60)
    set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, 20)
    set(Int32(IPPROTO_TCP), TCP_KEEPCNT, 5)
    if family == AF_INET6 { set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, address.ip.high == 0 && address.ip.low == 0 ? 0 : 1) }
    let bound = address.withSockaddr { Glibc.bind(fd, $0, $1) }
    guard bound == 0 else {
      let code = -errno
      Glibc.close(fd)
      throw LoopError(code: code)
    }
    uv_tcp_init(loop.uv, handle)
    handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
    isOpen = true
    var status = uv_tcp_open(handle, fd)
    if status == 0 { status = beginListening() }
    guard status == 0 else {
      close()
      throw LoopError(code: status)
    }
    readAddress()
  }

  private func listen(_ path: String) throws(LoopError) {
    uv_pipe_init(loop.uv, pipe, 0)
    stream.pointee.data = Unmanaged.passRetained(self).toOpaque()
    isOpen = true
    var status = uv_pipe_bind(pipe, path)
    if status == 0 { status = beginListening() }
    guard status == 0 else {
      close()
      throw LoopError(code: status)
    }
  }

  private func beginListening() -> Int32 {
    uv_listen(stream, 4096) { server, status in
      guard status == 0 else { return }
      Unmanaged<TCPListener>.fromOpaque(server!.pointee.data)._withUnsafeGuaranteedRef { $0.connectionReady() }
    }
  }

  private func readAddress() {
    var storage = sockaddr_storage()
    var length = Int32(MemoryLayout<sockaddr_storage>.size)
    withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        if uv_tcp_getsockname(handle, $0, &length) == 0 { address = SocketAddress($0) }
      }
    }
  }

  /// Stops listening. Connections that were accepted live on.
  public final func close() {
    guard isOpen else { return }
    isOpen = false
    UnsafeMutableRawPointer(handle).withMemoryRebound(to: uv_handle_t.self, capacity: 1) {
      uv_close($0) { Unmanaged<TCPListener>.fromOpaque($0!.pointee.data).release() }
    }
  }
}
