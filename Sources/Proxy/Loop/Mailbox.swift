import CUV
import Synchronization

/// The one way into a loop from another thread: messages are values, delivered on the loop's thread in order.
///
/// Any thread may `send`; the handler runs on the loop. A wake-up may carry many messages.
public final class Mailbox<Message: Sendable>: @unchecked Sendable {
  // Sendable by construction: `pending` is behind its mutex, `uv_async_send` is documented as thread-safe, and the
  // handler is only touched by the loop's thread.
  private let pending = Mutex<[Message]>([])
  private let async: UnsafeMutablePointer<uv_async_t>
  private let box: MailboxBox

  /// Made on the loop's thread, or before the loop runs.
  public init(loop: EventLoop, handler: @escaping (Message) -> Void) {
    async = .allocate(capacity: 1)
    box = MailboxBox()
    uv_async_init(loop.uv, async) { handle in
      Unmanaged<MailboxBox>.fromOpaque(handle!.pointee.data).takeUnretainedValue().deliver?()
    }
    async.pointee.data = Unmanaged.passRetained(box).toOpaque()
    box.deliver = { [weak self] in
      guard let self else { return }
      let batch = self.pending.withLock { pending in
        let batch = pending
        pending = []
        return batch
      }
      for message in batch { handler(message) }
    }
  }

  public func send(_ message: Message) {
    pending.withLock { $0.append(message) }
    uv_async_send(async)
  }
}

private final class MailboxBox {
  var deliver: (() -> Void)?
}
