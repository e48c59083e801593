internal import Bytes
internal import COpenSSL
internal import CShims
internal import Glibc

/// The plain memory that a session and OpenSSL's callbacks share: the ciphertext lent to the session and where its output goes.
///
/// The callbacks run inside `SSL_read`, `SSL_write` and `SSL_do_handshake`, while a method of the session is on the stack.
/// Swift may assume that nobody else touches a class's properties during such a method's access, so what both sides need is
/// here, behind a pointer, where no exclusivity is promised. Owned by its `TLSSession`, freed after the `SSL`.
struct SessionWire {
  /// The lent window. Invariant: `input ..< input + inputRemaining` is memory of the caller of `feed`.
  var input: UnsafePointer<UInt8>
  var inputRemaining = 0
  /// OpenSSL asked for more than the window had during the call that is running or ran last.
  var isStarved = false
  let output: UnsafeMutablePointer<OutputCursor>
  /// The server context, which the session keeps alive; nil for clients.
  let context: Unmanaged<TLSContext>?
  /// SNI in lower case without a trailing dot; malloc'ed, nil when there is none.
  var serverName: UnsafeMutablePointer<UInt8>?
  var serverNameCount = 0

  init(output: UnsafeMutablePointer<OutputCursor>, context: Unmanaged<TLSContext>?) {
    input = UnsafePointer(output.pointee.base)  // never read: nothing remains
    self.output = output
    self.context = context
  }

  var serverNameBytes: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: serverName, count: serverNameCount)
  }

  mutating func setServerName(_ name: UnsafeBufferPointer<UInt8>) {
    free(serverName)
    serverName = nil
    serverNameCount = 0
    guard !name.isEmpty, let copy = malloc(name.count)?.assumingMemoryBound(to: UInt8.self) else { return }
    for index in name.indices { copy[index] = ASCII.lower(name[index]) }
    serverName = copy
    serverNameCount = name.count
  }

  /// The wire behind a session, for callbacks that are given an `SSL`.
  static func of(_ ssl: OpaquePointer?) -> UnsafeMutablePointer<SessionWire> {
    SSL_get_ex_data(ssl, 0)!.assumingMemoryBound(to: SessionWire.self)
  }
}

/// The BIO that stands between OpenSSL and a `SessionWire`: no memory BIO, so ciphertext is copied once in each direction.
enum WireBIO {
  /// One method table for the process. It is complete before the first use and never written again.
  nonisolated(unsafe) private static let method: OpaquePointer? = {
    guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "porthole wire") else { return nil }
    BIO_meth_set_read_ex(method, wireRead)
    BIO_meth_set_write_ex(method, wireWrite)
    BIO_meth_set_ctrl(method, wireControl)
    return method
  }()

  /// A BIO over `wire`, which must outlive it.
  static func make(over wire: UnsafeMutablePointer<SessionWire>) -> OpaquePointer? {
    guard let method, let bio = BIO_new(method) else { return nil }
    BIO_set_data(bio, wire)
    BIO_set_init(bio, 1)
    // Set once and never cleared: a failed read always means "later" here, since only the caller sees the end of the stream,
    // and OpenSSL looks at the flag after failed reads only. Saves two calls per read.
    shim_BIO_set_retry_read(bio)
    return bio
  }
}

@c func wireRead(
  _ bio: OpaquePointer?, _ into: UnsafeMutablePointer<CChar>?, _ capacity: Int, _ taken: UnsafeMutablePointer<Int>?
) -> Int32 {
  let wire = BIO_get_data(bio).assumingMemoryBound(to: SessionWire.self)
  let count = min(capacity, wire.pointee.inputRemaining)
  guard count > 0, let into, let taken else {
    wire.pointee.isStarved = true
    return -1
  }
  memcpy(into, wire.pointee.input, count)
  wire.pointee.input += count
  wire.pointee.inputRemaining -= count
  taken.pointee = count
  return 1
}

@c func wireWrite(
  _ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ count: Int, _ written: UnsafeMutablePointer<Int>?
) -> Int32 {
  guard let bytes, let written else { return -1 }
  BIO_get_data(bio).assumingMemoryBound(to: SessionWire.self).pointee.output.append(bytes, count)
  written.pointee = count
  return 1
}

/// OpenSSL flushes after each flight and pushes a buffering BIO during handshakes; nothing else concerns memory.
@c func wireControl(_ bio: OpaquePointer?, _ command: Int32, _ number: Int, _ pointer: UnsafeMutableRawPointer?) -> Int
{
  command == BIO_CTRL_FLUSH ? 1 : 0
}
