internal import COpenSSL
internal import Glibc

/// The keys of session tickets (RFC 5077, RFC 8446 §4.6.1): the first encrypts, all decrypt. An immutable snapshot that all
/// workers of all listeners share, so that a client may resume on any of them; the control thread publishes `rotated()` ones.
///
/// Rotate once an hour: a ticket then works for at least two (it is made under the first key, and two older ones are kept),
/// which is also how long OpenSSL lets a session live.
public final class TicketKeys: @unchecked Sendable {  // `storage` is written in init only
  static let keptMax = 3
  private let storage: UnsafeMutablePointer<TicketKey>
  let count: Int

  /// A single new key.
  public convenience init() {
    self.init(keeping: UnsafeBufferPointer(start: nil, count: 0))
  }

  /// A new key in front; the two newest of the present ones still decrypt.
  public func rotated() -> TicketKeys {
    TicketKeys(keeping: UnsafeBufferPointer(start: storage, count: min(count, TicketKeys.keptMax - 1)))
  }

  private init(keeping older: UnsafeBufferPointer<TicketKey>) {
    count = older.count + 1
    storage = .allocate(capacity: count)
    precondition(RAND_bytes(storage, Int32(MemoryLayout<TicketKey>.size)) == 1, "the kernel gives no random bytes")
    if let base = older.baseAddress { (storage + 1).initialize(from: base, count: older.count) }
  }

  deinit {
    OPENSSL_cleanse(storage, count * MemoryLayout<TicketKey>.stride)
    storage.deallocate()
  }

  /// Valid while the keys live.
  var current: UnsafePointer<TicketKey> { UnsafePointer(storage) }

  /// The position of the key with this 16-byte name; names are public, so a plain comparison will do.
  func position(ofName name: UnsafePointer<UInt8>) -> Int? {
    (0..<count).first { memcmp(storage + $0, name, TicketKey.nameCount) == 0 }
  }

  func key(at position: Int) -> UnsafePointer<TicketKey> { UnsafePointer(storage + position) }
}

/// 16 bytes of name, 32 of AES-256, 32 of HMAC-SHA256; in this order, without padding.
struct TicketKey {
  static let nameCount = 16
  static let secretCount = 32
  var name: (UInt64, UInt64)
  var cipherKey: (UInt64, UInt64, UInt64, UInt64)
  var macKey: (UInt64, UInt64, UInt64, UInt64)
}
