import COpenSSL
import Testing

@testable import TLS

@Suite struct ClientCertificateTests {
  private func talk(_ auth: ClientAuth, showing name: String?, _ version: TLSVersion) throws -> Conversation {
    _ = (Fixture.client, Fixture.strangerClient)
    let settings = TLSServerSettings.testing {
      $0.clientAuth = auth
      $0.clientCA = Fixture.authority
    }
    return try Conversation(settings) { ssl in
      ClientTweak.limit(ssl, to: version)
      if let name { ClientTweak.useCertificate(ssl, name) }
    }.run()
  }

  @Test(arguments: [ClientAuth.require, .optional], [TLSVersion.tls12, .tls13])
  func aCertificateOfTheClientCAIsAcceptedAndNamed(auth: ClientAuth, version: TLSVersion) throws {
    let talk = try talk(auth, showing: "client", version)
    #expect(talk.isOpen && talk.server.session.hasClientCertificate)
    #expect(talk.server.session.clientCertificateSubject() == "CN=client,O=Tests")
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func requiredMeansRequired(version: TLSVersion) throws {
    let talk = try talk(.require, showing: nil, version)
    #expect(talk.server.failure == .certificateMissing)
    #expect(talk.client.failure == .peerAlert(version == .tls13 ? 116 : 40))
  }

  @Test(arguments: [ClientAuth.require, .optional], [TLSVersion.tls12, .tls13])
  func aStrangersCertificateIsRefusedEvenWhenOptional(auth: ClientAuth, version: TLSVersion) throws {
    let talk = try talk(auth, showing: "stranger", version)
    guard case .untrustedPeer = talk.server.failure else {
      Issue.record("\(String(describing: talk.server.failure))")
      return
    }
    #expect(talk.client.failure == .peerAlert(48))  // unknown_ca
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func optionalServesClientsWithout(version: TLSVersion) throws {
    let talk = try talk(.optional, showing: nil, version)
    #expect(talk.isOpen && !talk.server.session.hasClientCertificate)
    #expect(talk.server.session.clientCertificateSubject() == "")
  }

  @Test func noneDoesNotAsk() throws {
    let talk = try talk(.none, showing: "client", .tls13)
    #expect(talk.isOpen && !talk.server.session.hasClientCertificate)
  }

  @Test func askingWithoutACAIsAConfigurationError() {
    #expect(throws: TLSError.self) { try TLSContext(.testing { $0.clientAuth = .optional }) }
  }
}
