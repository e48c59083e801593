import Auth
import Bytes
import Glibc
import Sandbox
import Store
import Testing

/// How long the store takes where there is much of it. Not a test of every day:
///
/// ```
/// STORE_SANDBOXES=1000000 swift test -c release -Xswiftc -enable-testing --filter SpeedTests
/// ```
@Suite(.enabled(if: getenv("STORE_SANDBOXES") != nil), .serialized) struct SpeedTests {
  private let count = getenv("STORE_SANDBOXES").flatMap { Int(String(cString: $0)) } ?? 0

  private func fill(_ store: Store) async throws {
    for start in stride(from: 0, to: count, by: 20_000) {
      let end = min(start + 20_000, count)
      try await store.write { transaction in
        var random = Seeded(UInt64(start))
        for number in start..<end {
          // Ids are random, so that rows come in no order.
          let id = random.id()
          let credential = SandboxCredential(tokenHash: [UInt8](repeating: 7, count: 32), epoch: random.next())
          try transaction.insert(
            StoredSandbox(
              id: id, state: .running, spec: SandboxSpec(image: "python:3.12-slim"), credential: credential,
              timeoutSec: 3_600, address: .ip(IPAddress(v4: 0x0A00_0000 + UInt32(number))), createdAtMs: UInt64(number),
              runningSinceMs: UInt64(number)))
          for port in [UInt16(3_000), 8_080] {
            let exposure = Exposure(port: port, name: "web", auth: .token, nonce: random.next())
            try transaction.insert(StoredExposure(sandbox: id, exposure: exposure, createdAtMs: UInt64(number)))
          }
        }
      }
    }
  }

  @Test func aMillionSandboxesAreReadInTime() async throws {
    let folder = TemporaryFolder()
    let store = try folder.open()
    try await fill(store)
    let start = ContinuousClock.now
    var found = (sandboxes: 0, exposures: 0)
    try store.forEachSandbox(nowMs: 0) { _, exposures in
      found.sandboxes += 1
      found.exposures += exposures.count
    }
    let time = ContinuousClock.now - start
    print("\(found.sandboxes) sandboxes, \(found.exposures) exposures: \(time)")
    #expect(found == (count, 2 * count))
    #if !DEBUG
      #expect(time < .seconds(6) * max(1, Double(count) / 1_000_000))
    #endif
  }

  @Test(arguments: [1, 8, 64, 500])
  func writersShareTheDisk(writers: Int) async throws {
    let folder = TemporaryFolder()
    let store = try folder.open()
    let each = 4_000 / writers
    let start = ContinuousClock.now
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for writer in 0..<writers {
        tasks.addTask {
          var random = Seeded(UInt64(writer))
          for _ in 0..<each {
            let id = random.id().text
            try await store.write { transaction in
              try transaction.insert(plainSandbox(id))
              try transaction.append(StoredEvent(atMs: 1, type: "created", sandbox: SandboxID(id)))
            }
          }
        }
      }
      try await tasks.waitForAll()
    }
    let time = ContinuousClock.now - start
    print("\(writers) writers: \(Int(Double(writers * each) / (time / .seconds(1)))) transactions a second")
  }
}
