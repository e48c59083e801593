internal import Auth
internal import Glibc

/// The keys of a store, in a file of their own beside it: a copy of the store alone opens nothing.
///
/// ```
/// porthole-keys 1
/// derivation <32 bytes in base64url>
/// key <id> <made at, ms since 1970> <32 bytes in base64url>
/// end
/// ```
/// The newest key comes first. `end` tells a whole file from one that was cut.
enum KeysFile {
  private static let head = "porthole-keys 1"

  /// Nil where there is no file.
  static func read(_ path: String) throws(StoreError) -> CredentialKeys? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw PrivateFile.failure("read the keys", path, errno)
    }
    defer { close(descriptor) }
    guard PrivateFile.restrict(path) else {
      throw StoreError("\(path): others may read these keys, and that can't be changed: chmod 600 it as its owner")
    }
    // A ring of 16 keys takes less than 2 KiB.
    var bytes = [UInt8](repeating: 0, count: 65_536)
    var count = 0
    while count < bytes.count {
      let got = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + count, $0.count - count) }
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw PrivateFile.failure("read the keys", path, errno) }
      if got == 0 { break }
      count += got
    }
    guard let keys = decode(String(decoding: bytes[..<count], as: UTF8.self)) else {
      throw StoreError(
        "\(path): these are no keys, or damaged: put back the file from a backup. Or remove it: new keys are made then, "
          + "and browsers, links and grants have to be given access again")
    }
    return keys
  }

  /// Replaces the file as a whole. It is on disk when this returns.
  static func write(_ keys: CredentialKeys, _ path: String) throws(StoreError) {
    let draft = path + ".new"
    // One that a crash left behind. Not opened again: it might be somebody's link to elsewhere.
    unlink(draft)
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw PrivateFile.failure("write the keys", draft, errno) }
    let isWritten = fchmod(descriptor, 0o600) == 0 && writeAll(descriptor, encode(keys)) && fsync(descriptor) == 0
    let reason = errno
    close(descriptor)
    guard isWritten, rename(draft, path) == 0, PrivateFile.syncFolder(of: path) else {
      let code = isWritten ? errno : reason
      unlink(draft)
      throw PrivateFile.failure("write the keys", path, code)
    }
  }

  private static func writeAll(_ descriptor: Int32, _ text: String) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  static func encode(_ keys: CredentialKeys) -> String {
    var lines = [head, "derivation \(Base64URL.encode(keys.derivation))"]
    lines += keys.ring.map { "key \($0.id) \($0.createdAtMs) \(Base64URL.encode($0.secret))" }
    return (lines + ["end"]).map { $0 + "\n" }.joined()
  }

  /// Nil for what `encode` does not write.
  static func decode(_ text: String) -> CredentialKeys? {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count >= 5, lines[0] == head, lines[lines.count - 2] == "end", lines[lines.count - 1] == "" else {
      return nil
    }
    let derivation = lines[1].split(separator: " ", omittingEmptySubsequences: false)
    guard derivation.count == 2, derivation[0] == "derivation", let secret = secret(derivation[1]) else { return nil }
    var ring: [CredentialKeys.Key] = []
    for line in lines[2..<lines.count - 2] {
      let words = line.split(separator: " ", omittingEmptySubsequences: false)
      guard words.count == 4, words[0] == "key", let id = UInt8(words[1]), let made = UInt64(words[2]),
        let key = self.secret(words[3]), !ring.contains(where: { $0.id == id })
      else { return nil }
      ring.append(CredentialKeys.Key(id: id, secret: key, createdAtMs: made))
    }
    return CredentialKeys(ring: ring, derivation: secret)
  }

  private static func secret(_ text: Substring) -> [UInt8]? {
    guard text.utf8.count == 43 else { return nil }
    var out = [UInt8](repeating: 0, count: 33)
    let count = Array(text.utf8).withUnsafeBufferPointer { text in
      out.withUnsafeMutableBufferPointer { Base64URL.decode(text, into: $0.baseAddress!) }
    }
    return count == 32 ? Array(out[..<32]) : nil
  }
}
