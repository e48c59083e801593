internal import Bytes

/// What a grant or a cookie says, once its seal has been found good: which exposure it opens, until when, and by which
/// link. It is checked without asking anybody, and names no sandbox: the seal covers the sandbox's id, so a pass of one
/// never opens another.
public struct Pass: Hashable, Sendable {
  public enum Kind: UInt8, Sendable {
    /// In a `browserUrl` or a share link: exchanged for a cookie.
    case grant = 1
    /// As `grant`, but exchanged once: whoever redeems it asks the control side first.
    case onceGrant = 2
    case cookie = 3
  }

  public var kind: Kind
  public var port: UInt16
  /// Seconds since 1970.
  public var expiresAt: UInt64
  /// `SandboxCredential.epoch`: ends with the token.
  public var epoch: UInt64
  /// `Exposure.nonce`: ends with the exposure.
  public var nonce: UInt64
  /// `ShareLink.id`, or 0: ends with the link, and has its scope.
  public var link: UInt64

  public init(kind: Kind, port: UInt16, expiresAt: UInt64, epoch: UInt64, nonce: UInt64, link: UInt64 = 0) {
    self.kind = kind
    self.port = port
    self.expiresAt = expiresAt
    self.epoch = epoch
    self.nonce = nonce
    self.link = link
  }

  /// version 1, key id 1, kind 1, port 2, expiry 5, epoch 8, nonce 8, link 8.
  static let bodyBytes = 34
  static let sealBytes = 32
  static let version: UInt8 = 1
  /// As text: 66 bytes in base64url.
  public static let textCount = 88
}

extension CredentialKeys {
  /// The text of a pass, for the sandbox of this id.
  public func seal(_ pass: Pass, sandbox: String) -> String {
    var body: [UInt8] = [Pass.version, ring[0].id, pass.kind.rawValue]
    body.append(UInt8(pass.port >> 8))
    body.append(UInt8(pass.port & 0xFF))
    for shift in stride(from: 32, through: 0, by: -8) {
      body.append(UInt8(truncatingIfNeeded: pass.expiresAt >> shift))
    }
    for word in [pass.epoch, pass.nonce, pass.link] { withUnsafeBytes(of: word.bigEndian) { body += Array($0) } }
    precondition(body.count == Pass.bodyBytes, "a pass has a fixed size")
    return Base64URL.encode(body + seals[0].hmac.authenticate(body + Array(sandbox.utf8)))
  }

  /// What a text says if its seal is good for the sandbox of this id; nil otherwise. Whether it is still valid (expiry,
  /// epoch, nonce, link) is for the caller to compare. Allocates nothing; takes the same time for every wrong seal.
  @inline(__always)
  public func open(_ text: UnsafeBufferPointer<UInt8>, sandbox: UnsafeBufferPointer<UInt8>) -> Pass? {
    guard text.count == Pass.textCount, sandbox.count <= 64 else { return nil }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 66 + 32 + Pass.bodyBytes + 64) { scratch in
      let base = scratch.baseAddress!
      guard Base64URL.decode(text, into: base) == Pass.bodyBytes + Pass.sealBytes, base[0] == Pass.version,
        let kind = Pass.Kind(rawValue: base[2])
      else { return nil }
      var state = seals[0]
      if state.id != base[1] {
        guard let older = seals.first(where: { $0.id == base[1] }) else { return nil }
        state = older
      }
      let message = base + 98
      message.update(from: base, count: Pass.bodyBytes)
      (message + Pass.bodyBytes).update(from: sandbox.baseAddress!, count: sandbox.count)
      state.hmac.authenticate(
        UnsafeBufferPointer(start: message, count: Pass.bodyBytes + sandbox.count), into: base + 66)
      guard ConstantTime.equals(base + 66, base + Pass.bodyBytes, count: Pass.sealBytes) else { return nil }
      func word(_ at: Int) -> UInt64 {
        UInt64(bigEndian: UnsafeRawPointer(base).loadUnaligned(fromByteOffset: at, as: UInt64.self))
      }
      return Pass(
        kind: kind, port: UInt16(base[3]) << 8 | UInt16(base[4]),
        expiresAt: Pass.expiry(base + 5),
        epoch: word(10), nonce: word(18), link: word(26))
    }
  }
}

extension Pass {
  @inline(__always)
  fileprivate static func expiry(_ base: UnsafePointer<UInt8>) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<5 { value = value << 8 | UInt64(base[index]) }
    return value
  }
}
