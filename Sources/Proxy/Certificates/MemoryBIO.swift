import COpenSSL

/// OpenSSL's memory streams, between Swift arrays and PEM functions.
enum MemoryBIO {
  /// Lends `bytes` as a stream. OpenSSL does not copy them, so the stream must not outlive `body`.
  static func reading<R>(_ bytes: [UInt8], _ body: (OpaquePointer) -> R?) -> R? {
    guard let count = Int32(exactly: bytes.count) else { return nil }
    return bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress, let bio = BIO_new_mem_buf(base, count) else { return nil }
      defer { BIO_free(bio) }
      return body(bio)
    }
  }

  /// Collects what `body` writes; nil where it answers false.
  static func written(_ body: (OpaquePointer) -> Bool) -> [UInt8]? {
    guard let bio = BIO_new(BIO_s_mem()) else { return nil }
    defer { BIO_free(bio) }
    guard body(bio) else { return nil }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = BIO_read(bio, &chunk, Int32(chunk.count))
      if count <= 0 { return bytes }
      bytes += chunk[..<Int(count)]
    }
  }
}
