import COpenSSL
import Testing

@testable import TLS

@Suite struct HandshakeTests {
  @Test(arguments: [(TLSVersion.tls13, "TLSv1.3"), (.tls12, "TLSv1.2")])
  func bothVersionsCarryBytesBothWays(version: TLSVersion, name: String) throws {
    let talk = try Conversation { ClientTweak.limit($0, to: version) }.run()
    #expect(talk.isOpen)
    #expect("\(talk.server.session.versionName)" == name)
    #expect(talk.server.session.cipherName.contains("GCM") || talk.server.session.cipherName.contains("CHACHA20"))
    #expect(talk.client.write("ping") && talk.server.write("pong"))
    talk.run()
    #expect(talk.server.receivedText == "ping" && talk.client.receivedText == "pong")
    #expect(talk.server.serverName == "site.test")
    #expect(!talk.server.session.isResumed && !talk.server.session.hasClientCertificate)
  }

  @Test func aClientBelowTheMinimumVersionIsRefusedWithAnAlert() throws {
    let talk = try Conversation(.testing { $0.minVersion = .tls13 }) { ClientTweak.limit($0, to: .tls12) }.run()
    #expect(talk.server.failure != nil)
    #expect(talk.client.failure == .peerAlert(70))  // protocol_version
  }

  @Test func readingBeforeTheHandshakeAdvancesIt() throws {
    let talk = try Conversation()
    var byte: UInt8 = 0
    #expect(talk.client.session.read(into: &byte, capacity: 1) == .wantsInput)
    #expect(talk.client.output.count > 0)
    #expect(talk.run().isOpen)
  }

  @Test func writingBeforeTheHandshakeIsRefused() throws {
    #expect(try !Conversation().client.write("early"))
  }

  @Test func cipherListsWithoutAUsableEntryAreRefusedByName() {
    #expect { try TLSContext(.testing { $0.ciphers = "NONSENSE" }) } throws: { "\($0)".contains("NONSENSE") }
    #expect { try TLSContext(.testing { $0.cipherSuites = "NONSENSE" }) } throws: { "\($0)".contains("NONSENSE") }
    #expect { try TLSContext(.testing { $0.groups = "NONSENSE" }) } throws: { "\($0)".contains("NONSENSE") }
    #expect { try TLSContext(.testing([])) } throws: { "\($0)".contains("porthole certs dev") }
  }

  @Test(arguments: ["AES128-SHA", "DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA"])
  func ciphersOutsideTheMozillaListAreRefused(cipher: String) throws {
    let talk = try Conversation(.testing([Fixture.siteRSA])) {
      ClientTweak.limit($0, to: .tls12)
      SSL_set_cipher_list($0, cipher)
    }.run()
    #expect(talk.client.failure == .peerAlert(40))  // handshake_failure
  }

  @Test func sessionsOutliveTheContextTheyBeganWith() throws {
    var context: TLSContext? = try TLSContext(.testing())
    let talk = try Conversation(context!)
    context = nil
    #expect(talk.run().isOpen)
  }
}
