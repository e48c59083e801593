internal import Glibc

/// A private key's PEM, wiped when the last holder lets go.
public final class SecretBytes: @unchecked Sendable {  // written in init only
  private let storage: UnsafeMutableRawBufferPointer

  /// Takes the bytes over and wipes the caller's.
  init(consuming bytes: inout [UInt8]) {
    storage = .allocate(byteCount: bytes.count, alignment: 16)
    storage.copyBytes(from: bytes)
    bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { explicit_bzero(base, $0.count) } }
    bytes = []
  }

  deinit {
    if let base = storage.baseAddress { explicit_bzero(base, storage.count) }
    storage.deallocate()
  }

  func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try body(UnsafeRawBufferPointer(storage))
  }

  func contains(_ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard let base = storage.baseAddress, storage.count >= count else { return false }
    return (0...(storage.count - count)).contains { memcmp(base + $0, text.utf8Start, count) == 0 }
  }
}
