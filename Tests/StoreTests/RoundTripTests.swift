import Bytes
import Sandbox
import Store
import Testing

/// What is written is read again, field by field, after the file was closed.
@Suite struct RoundTripTests {
  /// Each seed has other optionals set, and other texts.
  static let seeds = Array(UInt64(1)...40)

  @Test(arguments: seeds)
  func sandboxesAreKeptWhole(seed: UInt64) async throws {
    var random = Seeded(seed)
    let sandbox = random.sandbox()
    var changed = random.sandbox()
    changed.id = sandbox.id
    changed.createdAtMs = sandbox.createdAtMs
    let store = try Store(.memory)
    try await store.write { try $0.insert(sandbox) }
    #expect(try await store.read { try $0.sandbox(sandbox.id) } == sandbox)
    try await store.write { [changed] in try $0.update(changed) }
    #expect(try await store.read { try $0.sandbox(sandbox.id) } == changed)
  }

  @Test(arguments: seeds)
  func exposuresAndLinksAreKeptWhole(seed: UInt64) async throws {
    var random = Seeded(seed)
    let sandbox = random.sandbox()
    let exposure = random.exposure(of: sandbox.id, port: random.port())
    let port = exposure.exposure.port
    var changed = random.exposure(of: sandbox.id, port: port)
    changed.createdAtMs = exposure.createdAtMs
    let link = random.link(of: sandbox.id, port: port)
    var changedLink = random.link(of: sandbox.id, port: port)
    changedLink.link.id = link.link.id
    changedLink.createdAtMs = link.createdAtMs
    let store = try Store(.memory)
    try await store.write {
      try $0.insert(sandbox); try $0.insert(exposure); try $0.insert(link)
    }
    #expect(try await store.read { try $0.exposure(sandbox.id, port: port) } == exposure)
    #expect(try await store.read { try $0.exposures(sandbox.id) } == [exposure])
    #expect(try await store.read { try $0.link(link.link.id) } == link)
    try await store.write { [changed, changedLink] in
      try $0.update(changed); try $0.update(changedLink)
    }
    #expect(try await store.read { try $0.exposure(sandbox.id, port: port) } == changed)
    #expect(try await store.read { try $0.links(sandbox.id, port: port) } == [changedLink])
  }

  @Test(arguments: seeds)
  func theOthersAreKeptWhole(seed: UInt64) async throws {
    var random = Seeded(seed)
    let (snapshot, answer, key) = (random.snapshot(), random.answer(), random.apiKey())
    var (changedKey, event) = (random.apiKey(), random.event())
    changedKey.id = key.id
    let store = try Store(.memory)
    event.sequence = try await store.write { [event] in
      try $0.insert(snapshot)
      try $0.insert(answer)
      try $0.insert(key)
      return try $0.append(event)
    }
    #expect(try await store.read { try $0.snapshot(snapshot.id) } == snapshot)
    #expect(try await store.read { try $0.snapshots(after: nil, limit: 9) } == [snapshot])
    #expect(try await store.read { try $0.answer(answer.key) } == answer)
    #expect(try await store.read { try $0.apiKeys() } == [key])
    #expect(try await store.read { try $0.events(after: 0, limit: 9) } == [event])
    try await store.write { [changedKey] in try $0.update(changedKey) }
    #expect(try await store.read { try $0.apiKeys() } == [changedKey])
  }

  @Test(arguments: [0, 1, UInt64(Int64.max), UInt64(Int64.max) + 1, .max])
  func wordsKeepAllTheirBits(word: UInt64) async throws {
    let store = try Store(.memory)
    var sandbox = plainSandbox("demo")
    sandbox.credential = SandboxCredential(tokenHash: [UInt8](repeating: 9, count: 32), epoch: word)
    var exposure = plainExposure("demo", port: 3000)
    exposure.exposure.nonce = word
    let link = plainLink(word, "demo", port: 3000)
    try await store.write { [sandbox, exposure] in
      try $0.insert(sandbox)
      try $0.insert(exposure)
      try $0.insert(link)
    }
    #expect(try await store.read { try $0.sandbox(link.sandbox)?.credential?.epoch } == word)
    #expect(try await store.read { try $0.exposure(link.sandbox, port: 3000)?.exposure.nonce } == word)
    #expect(try await store.read { try $0.link(word)?.link.id } == word)
  }

  /// So that they can be compared where they lie. 292 million years will do.
  @Test(arguments: [
    (UInt64(Int64.max) - 1, UInt64(Int64.max) - 1), (UInt64(Int64.max) + 1, UInt64(Int64.max)),
    (.max, UInt64(Int64.max)),
  ])
  func timesEndAtTheLargestSignedNumber(time: UInt64, kept: UInt64) async throws {
    let store = try Store(.memory)
    try await store.write {
      try $0.insert(plainSandbox("demo", createdAtMs: time))
      try $0.insert(plainExposure("demo", port: 3000, expiresAtMs: time))
    }
    #expect(try await store.read { try $0.sandboxes(after: nil, limit: 1).map(\.createdAtMs) } == [kept])
    #expect(try await store.read { try $0.expiringExposures().map(\.expiresAtMs) } == [kept])
  }

  @Test func aFileThatIsOpenedAgainHasEverything() async throws {
    let folder = TemporaryFolder()
    var random = Seeded(77)
    let sandbox = random.sandbox()
    let exposure = random.exposure(of: sandbox.id, port: 3000)
    let link = random.link(of: sandbox.id, port: 3000)
    let (snapshot, answer, key, event) = (random.snapshot(), random.answer(), random.apiKey(), random.event())
    func fill() async throws {
      let store = try folder.open()
      try await store.write {
        try $0.insert(sandbox)
        try $0.insert(exposure)
        try $0.insert(link)
        try $0.insert(snapshot)
        try $0.insert(answer)
        try $0.insert(key)
        try $0.append(event)
      }
    }
    try await fill()
    let store = try folder.open()
    #expect(try await store.read { try $0.sandbox(sandbox.id) } == sandbox)
    #expect(try await store.read { try $0.exposures(sandbox.id) } == [exposure])
    #expect(try await store.read { try $0.links(sandbox.id, port: 3000) } == [link])
    #expect(try await store.read { try $0.snapshot(snapshot.id) } == snapshot)
    #expect(try await store.read { try $0.answer(answer.key) } == answer)
    #expect(try await store.read { try $0.apiKeys() } == [key])
    #expect(try await store.read { try $0.events(after: 0, limit: 2).map(\.details) } == [event.details])
  }
}
