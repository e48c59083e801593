internal import CShims

/// SHA-256 (FIPS 180-4), by OpenSSL's plain functions: they allocate nothing, where its newer interface looks up an
/// algorithm and makes objects for every digest, which costs several times the hash of a short text.
public enum SHA256 {
  public static let byteCount = 32

  public static func hash(_ text: String) -> [UInt8] { hash(Array(text.utf8)) }

  public static func hash(_ bytes: [UInt8]) -> [UInt8] {
    bytes.withUnsafeBufferPointer { bytes in
      [UInt8](unsafeUninitializedCapacity: byteCount) { out, count in
        hash(bytes, into: out.baseAddress!)
        count = byteCount
      }
    }
  }

  /// `out` takes 32 bytes.
  @inline(__always)
  public static func hash(_ bytes: UnsafeBufferPointer<UInt8>, into out: UnsafeMutablePointer<UInt8>) {
    shim_sha256(bytes.baseAddress, bytes.count, out)
  }
}

/// HMAC-SHA256 (RFC 2104) under one key, whose two padded blocks are hashed once and then copied.
public struct HMACSHA256: Sendable {
  private let inner: shim_sha256_state
  private let outer: shim_sha256_state

  /// `key` has at most 64 bytes.
  public init(key: [UInt8]) {
    precondition(key.count <= 64, "longer keys would have to be hashed first")
    func state(_ pad: UInt8) -> shim_sha256_state {
      var block = [UInt8](repeating: pad, count: 64)
      for (index, byte) in key.enumerated() { block[index] ^= byte }
      var state = shim_sha256_state()
      shim_sha256_begin(&state)
      shim_sha256_add(&state, block, block.count)
      return state
    }
    inner = state(0x36)
    outer = state(0x5C)
  }

  /// `out` takes 32 bytes; it may not overlap the message.
  @inline(__always)
  public func authenticate(_ message: UnsafeBufferPointer<UInt8>, into out: UnsafeMutablePointer<UInt8>) {
    var state = inner
    shim_sha256_add(&state, message.baseAddress, message.count)
    shim_sha256_end(&state, out)
    state = outer
    shim_sha256_add(&state, out, SHA256.byteCount)
    shim_sha256_end(&state, out)
  }

  public func authenticate(_ message: [UInt8]) -> [UInt8] {
    message.withUnsafeBufferPointer { message in
      [UInt8](unsafeUninitializedCapacity: SHA256.byteCount) { out, count in
        authenticate(message, into: out.baseAddress!)
        count = SHA256.byteCount
      }
    }
  }
}

/// Comparison whose time does not depend on where two secrets differ.
public enum ConstantTime {
  @inline(__always)
  public static func equals(_ one: UnsafePointer<UInt8>, _ other: UnsafePointer<UInt8>, count: Int) -> Bool {
    var difference: UInt8 = 0
    var at = 0
    while at < count {
      difference |= one[at] ^ other[at]
      at &+= 1
    }
    return difference == 0
  }

  public static func equals(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    guard one.count == other.count else { return false }
    return one.withUnsafeBufferPointer { one in
      other.withUnsafeBufferPointer { other in
        one.isEmpty || equals(one.baseAddress!, other.baseAddress!, count: one.count)
      }
    }
  }
}
