import COpenSSL
import Testing

@testable import TLS

/// The same numbers every run; a failing split can be replayed.
struct SplitMix {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

@Suite struct TransferTests {
  private func noise(_ count: Int) -> [UInt8] {
    var source = SplitMix(state: UInt64(count))
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: source.next()) }
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func dataFedByteByByteArrivesIntact(version: TLSVersion) throws {
    let talk = try Conversation { ClientTweak.limit($0, to: version) }
    talk.splitting = { 1 }
    #expect(talk.run().isOpen)
    let up = noise(40_000)
    let down = noise(20_000)
    #expect(talk.client.write(up) && talk.server.write(down))
    talk.run()
    #expect(talk.server.received == up && talk.client.received == down)
  }

  @Test(arguments: 1...20)
  func randomSplitsAndSmallWindowsArriveIntact(seed: UInt64) throws {
    var source = SplitMix(state: seed)
    let talk = try Conversation { ClientTweak.limit($0, to: seed % 2 == 0 ? .tls12 : .tls13) }
    talk.splitting = { Int(source.next() % 20_000) + 1 }
    #expect(talk.run().isOpen)
    talk.server.plaintextCapacity = Int(source.next() % 5000) + 1
    var sent: [UInt8] = []
    for _ in 0..<10 {
      let part = noise(Int(source.next() % 30_000) + 1)
      sent += part
      #expect(talk.client.write(part))
      if source.next() % 2 == 0 { talk.run() }
    }
    talk.run()
    #expect(talk.server.received == sent, "seed \(seed)")
  }

  @Test func aMebibyteGoesThroughInOneWrite() throws {
    let talk = try Conversation().run()
    let bytes = noise(1 << 20)
    #expect(talk.server.write(bytes))
    #expect(talk.server.output.count > 1 << 20)
    talk.run()
    #expect(talk.client.received == bytes)
  }

  @Test func aReadTakesSeveralRecordsAndLeavesWhatDoesNotFit() throws {
    let talk = try Conversation().run()
    for _ in 0..<4 { #expect(talk.client.write([UInt8](repeating: 7, count: 1000))) }
    let wire = talk.client.takeOutput()
    var buffer = [UInt8](repeating: 0, count: 4000)
    wire.withUnsafeBufferPointer { bytes in
      talk.server.session.feed(bytes.baseAddress!, bytes.count)
      #expect(talk.server.session.read(into: &buffer, capacity: 1500) == .bytes(1500))
      #expect(talk.server.session.inputRemaining > 0)
      #expect(talk.server.session.read(into: &buffer, capacity: 4000) == .bytes(2500))
      #expect(talk.server.session.inputRemaining == 0)
      #expect(talk.server.session.read(into: &buffer, capacity: 4000) == .wantsInput)
    }
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func closeNotifyEndsOneDirectionAfterItsBytes(version: TLSVersion) throws {
    let talk = try Conversation { ClientTweak.limit($0, to: version) }.run()
    #expect(talk.client.write("last words"))
    talk.client.session.shutdown()
    talk.client.session.shutdown()
    #expect(!talk.client.write("after"))
    talk.run()
    #expect(talk.server.receivedText == "last words" && talk.server.state == .closed)
    #expect(talk.server.write("answer"))
    talk.server.session.shutdown()
    talk.run()
    #expect(talk.client.receivedText == "answer" && talk.client.state == .closed)
  }

  @Test(arguments: [SSL_KEY_UPDATE_REQUESTED, SSL_KEY_UPDATE_NOT_REQUESTED])
  func keyUpdatesPassUnseenAndAreAnswered(kind: Int32) throws {
    let talk = try Conversation().run()
    for round in 0..<5 {
      SSL_key_update(talk.client.session.ssl, kind)
      #expect(talk.client.write("up\(round)") && talk.server.write("down\(round)"))
      talk.run()
    }
    #expect(talk.isOpen)
    #expect(talk.server.receivedText == "up0up1up2up3up4" && talk.client.receivedText == "down0down1down2down3down4")
  }

  @Test func recordsWithoutApplicationDataWantInput() throws {
    let talk = try Conversation().run()
    SSL_key_update(talk.client.session.ssl, SSL_KEY_UPDATE_REQUESTED)
    #expect(SSL_do_handshake(talk.client.session.ssl) == 1)
    talk.server.inbox += talk.client.takeOutput()
    let answer = talk.server.step(feeding: .max)
    #expect(talk.server.state == .wantsInput && talk.server.received.isEmpty)
    // The answering KeyUpdate goes out with the next write, or at once; both are RFC 8446 §4.6.3.
    #expect(talk.server.write("x"))
    talk.client.inbox += answer
    talk.run()
    #expect(talk.client.receivedText == "x")
  }
}

@Suite struct TLSOutputTests {
  @Test func growsWithoutLosingBytesAndShrinksAfterABurst() {
    let output = TLSOutput(capacity: 16)
    let bytes = (0..<200).map { UInt8($0) }
    output.cursor.append(bytes, 10)
    output.cursor.append([UInt8](bytes[10...]), 190)
    #expect(output.count == 200)
    #expect(Array(UnsafeBufferPointer(start: output.base, count: 200)) == bytes)
    #expect(output.cursor.pointee.capacity >= 200)
    output.reset()
    #expect(output.count == 0 && output.cursor.pointee.capacity == 16)
  }

  @Test func moderateGrowthIsKept() {
    let output = TLSOutput(capacity: 16)
    output.cursor.append([UInt8](repeating: 1, count: 60), 60)
    output.reset()
    #expect(output.cursor.pointee.capacity == 60)
  }
}
