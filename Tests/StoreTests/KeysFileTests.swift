import Auth
import Glibc
import Testing

@testable import Store

/// The keys beside the store.
@Suite struct KeysFileTests {
  private func same(_ one: CredentialKeys, _ other: CredentialKeys) -> Bool {
    one.derivation == other.derivation && one.ring.map(\.id) == other.ring.map(\.id)
      && one.ring.map(\.secret) == other.ring.map(\.secret)
      && one.ring.map(\.createdAtMs) == other.ring.map(\.createdAtMs)
  }

  @Test func keysAreMadeOnceAndFoundAgain() throws {
    let folder = TemporaryFolder()
    let first = try folder.open().loadKeys(nowMs: 5)
    #expect(first.ring.map(\.createdAtMs) == [5])
    #expect(same(try folder.open().loadKeys(nowMs: 6), first))
    var keys = first
    for time in UInt64(10)...40 {
      keys = keys.rotated(nowMs: time, forgetBeforeMs: 0)
      try folder.open().save(keys)
      #expect(same(try folder.open().loadKeys(nowMs: 99), keys))
    }
    #expect(folder.mode("porthole.db.keys") == 0o600)
    #expect(!folder.names.contains("porthole.db.keys.new"))
  }

  @Test func keysInMemoryAreRandomAndStay() throws {
    let store = try Store(.memory)
    let keys = try store.loadKeys(nowMs: 1)
    #expect(same(try store.loadKeys(nowMs: 2), keys))
    #expect(!same(try Store(.memory).loadKeys(nowMs: 1), keys))
    let rotated = keys.rotated(nowMs: 3, forgetBeforeMs: 0)
    try store.save(rotated)
    #expect(same(try store.loadKeys(nowMs: 4), rotated))
  }

  @Test func keysThatOthersMayReadAreTakenBack() throws {
    let folder = TemporaryFolder()
    let keys = try folder.open().loadKeys(nowMs: 1)
    chmod(folder.store + ".keys", 0o644)
    #expect(same(try folder.open().loadKeys(nowMs: 1), keys))
    #expect(folder.mode("porthole.db.keys") == 0o600)
  }

  @Test func whatACrashLeftBehindIsReplacedAndNotFollowed() throws {
    let folder = TemporaryFolder()
    folder.write("precious", "mine\n")
    symlink("precious", folder.store + ".keys.new")
    let keys = try folder.open().loadKeys(nowMs: 1)
    #expect(folder.text("precious") == "mine\n")
    #expect(same(try folder.open().loadKeys(nowMs: 1), keys))
  }

  private static let secret = String(repeating: "A", count: 43)
  private static let good = "porthole-keys 1\nderivation \(secret)\nkey 1 17 \(secret)\nkey 255 0 \(secret)\nend\n"

  @Test func theFormatIsReadAsItIsWritten() throws {
    let keys = try #require(KeysFile.decode(Self.good))
    #expect(keys.ring.map(\.id) == [1, 255] && keys.ring.map(\.createdAtMs) == [17, 0])
    #expect(KeysFile.encode(keys) == Self.good)
  }

  /// Each is one change away from a good file.
  @Test(arguments: [
    ("porthole-keys 1", "porthole-keys 2"), ("derivation", "derivations"), ("key 1 17", "key 0x1 17"),
    ("key 1 17", "key 256 17"), ("key 1 17", "key 1 -1"), ("key 1 17", "key 1"), ("key 255", "key 1"),
    ("key 1 17 A", "key 1 17 "), ("key 1 17 A", "key 1 17 +"), ("key 1 17 A", "key 1 17 AA"), ("end\n", ""),
    ("end\n", "end"), ("end\n", "end\n\n"), ("\nkey 1 17", "\n\nkey 1 17"), (good, ""), (good, "\0"),
    ("key 1 17 \(secret)\nkey 255 0 \(secret)\n", ""),
  ])
  func damagedKeysAreRefusedAndLeftAlone(part: String, other: String) throws {
    let folder = TemporaryFolder()
    let text = Self.good.replacing(part, with: other, maxReplacements: 1)
    #expect(text != Self.good)
    folder.write("porthole.db.keys", text)
    let error = #expect(throws: StoreError.self) { try folder.open().loadKeys(nowMs: 1) }
    #expect(error?.description.contains("put back the file from a backup") == true)
    #expect(folder.text("porthole.db.keys") == text)
  }

  @Test func everyCutIsNoticed() {
    for count in 0..<Self.good.utf8.count { #expect(KeysFile.decode(String(Self.good.prefix(count))) == nil) }
  }
}
