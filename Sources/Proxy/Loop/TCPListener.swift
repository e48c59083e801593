public import Bytes
import CUV
import Glibc

/// A listening socket of one worker. Every worker has its own on the same address (`SO_REUSEPORT`): the kernel spreads
/// connections and no accept lock exists.
open class TCPListener {
  public let loop: EventLoop
  private let handle: UnsafeMutablePointer<uv_tcp_t>
  var stream: UnsafeMutablePointer<uv_stream_t> {
    UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_stream_t.self)
  }
  /// With port 0 asked for, the port that the kernel chose.
  public private(set) var address: SocketAddress
  private var isOpen = false

  public init(loop: EventLoop, address: SocketAddress) {
    self.loop = loop
    self.address = address
    handle = .allocate(capacity: 1)
  }

  deinit { handle.deallocate() }

  /// A connection is ready: make a stream and let it `accept(from: self)`.
  open func connectionReady() {}

  /// Binds and listens. `descriptor` hands over a socket that is already bound (another worker's, an older process').
  public final func listen() throws(LoopError) {
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
    if status == 0 {
      status = uv_listen(stream, 4096) { server, status in
        guard status == 0 else { return }
        Unmanaged<TCPListener>.fromOpaque(server!.pointee.data)._withUnsafeGuaranteedRef { $0.connectionReady() }
      }
    }
    guard status == 0 else {
      close()
      throw LoopError(code: status)
    }
    readAddress()
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
