import Glibc
import Synchronization

/// The server's end of one WebSocket (RFC 6455). One thread reads; any thread may send.
package final class WebSocket: Sendable {
  package enum Message {
    case text(String)
    case binary([UInt8])
  }

  private enum Opcode {
    static let continuation: UInt8 = 0, text: UInt8 = 1, binary: UInt8 = 2
    static let close: UInt8 = 8, ping: UInt8 = 9, pong: UInt8 = 10
  }

  /// Enough for a demonstration; more is closed with 1009.
  private static let messageBytesMax = 1 << 20

  /// The socket while it is open. The lock also keeps the frames of several threads apart, and a frame away from a
  /// descriptor that was closed and given to somebody else.
  private let open: Mutex<Int32?>

  package init(_ descriptor: Int32) { open = Mutex(descriptor) }

  /// RFC 6455 §4.2.2: proof that the request was understood.
  package static func accept(key: String) -> String {
    let digest = Digest(.sha1)
    digest.update(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))
    return Text.base64(digest.finish())
  }

  // MARK: Sending

  /// False where the peer is gone.
  @discardableResult
  package func send(_ message: Message) -> Bool {
    switch message {
    case .text(let text): sendFrame(Opcode.text, Array(text.utf8), flags: 0)
    case .binary(let bytes): sendFrame(Opcode.binary, bytes, flags: 0)
    }
  }

  /// Never waits: a peer that does not keep up is let go, so that it cannot hold up everybody else.
  func sendWithoutWaiting(_ text: String) { sendWithoutWaiting(Opcode.text, Array(text.utf8)) }

  private func sendWithoutWaiting(_ opcode: UInt8, _ payload: [UInt8]) {
    if sendFrame(opcode, payload, flags: Int32(MSG_DONTWAIT)) { return }
    open.withLock { if let descriptor = $0 { shutdown(descriptor, Int32(SHUT_RDWR)) } }
  }

  /// To be called before the descriptor is closed.
  package func forget() { open.withLock { $0 = nil } }

  @discardableResult
  private func sendFrame(_ opcode: UInt8, _ payload: [UInt8], flags: Int32) -> Bool {
    var frame: [UInt8] = [0x80 | opcode]
    switch payload.count {
    case ..<126: frame.append(UInt8(payload.count))
    case ..<65536: frame += [126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
    default: frame += [127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
    }
    frame += payload
    return open.withLock { descriptor in
      guard let descriptor else { return false }
      return Connection.send(frame, to: descriptor, flags: flags)
    }
  }

  private func close(_ code: UInt16) { sendWithoutWaiting(Opcode.close, [UInt8(code >> 8), UInt8(code & 0xFF)]) }

  // MARK: Receiving

  /// Calls `body` for each message until either side ends it. Pings are answered on the way.
  package func receive(from connection: Connection, _ body: (Message) -> Void) {
    var message: [UInt8] = []
    var messageOpcode: UInt8?
    while let head = connection.readExactly(2) {
      let (isFinal, opcode) = (head[0] & 0x80 != 0, head[0] & 0x0F)
      // RFC 6455 §5.1 and §5.2: clients mask, and nobody has agreed on what reserved bits mean.
      guard head[1] & 0x80 != 0, head[0] & 0x70 == 0 else { return close(1002) }
      guard let count = payloadCount(head[1] & 0x7F, connection) else { return }
      guard count <= WebSocket.messageBytesMax - message.count else { return close(1009) }
      guard let mask = connection.readExactly(4), var payload = connection.readExactly(count) else { return }
      for index in payload.indices { payload[index] ^= mask[index & 3] }

      switch opcode {
      case Opcode.ping: sendWithoutWaiting(Opcode.pong, payload)
      case Opcode.pong: break
      case Opcode.close:
        sendWithoutWaiting(Opcode.close, Array(payload.prefix(2)))
        return
      case Opcode.text, Opcode.binary, Opcode.continuation:
        guard (opcode == Opcode.continuation) == (messageOpcode != nil) else { return close(1002) }
        if opcode != Opcode.continuation { messageOpcode = opcode }
        message += payload
        guard isFinal else { continue }
        if messageOpcode == Opcode.text {
          guard let text = String(validating: message, as: UTF8.self) else { return close(1007) }
          body(.text(text))
        } else {
          body(.binary(message))
        }
        (message, messageOpcode) = ([], nil)
      default:
        return close(1002)
      }
    }
  }

  private func payloadCount(_ short: UInt8, _ connection: Connection) -> Int? {
    let width = short == 126 ? 2 : short == 127 ? 8 : 0
    if width == 0 { return Int(short) }
    guard let bytes = connection.readExactly(width), bytes[0] & 0x80 == 0 || width == 2 else { return nil }
    return bytes.reduce(0) { $0 << 8 | Int($1) }
  }
}
