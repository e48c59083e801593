import COpenSSL
import Testing

@testable import TLS

@Suite struct ResumptionTests {
  /// Connects under `first`, then offers the ticket to `second`.
  private func resumes(
    _ version: TLSVersion, _ first: TLSServerSettings, _ second: TLSServerSettings, name: String = "site.test",
    then: String? = nil,
    _ prepare: (OpaquePointer) -> Void = { _ in }
  ) throws -> Conversation {
    let before = try Conversation(first, name: name) { ClientTweak.limit($0, to: version) }.run()
    #expect(before.isOpen)
    let session = before.takeClientSession()
    defer { SSL_SESSION_free(session) }
    return try Conversation(second, name: then ?? name) {
      ClientTweak.limit($0, to: version)
      SSL_set_session($0, session)
      prepare($0)
    }.run()
  }

  @Test(arguments: [TLSVersion.tls12, .tls13], [(0, true), (1, true), (2, true), (3, false)])
  func aTicketWorksUnderItsKeyAndTwoRotationsLater(version: TLSVersion, rotation: (count: Int, works: Bool)) throws {
    let keys = TicketKeys()
    let later = (0..<rotation.count).reduce(keys) { keys, _ in keys.rotated() }
    let talk = try resumes(version, .testing(tickets: keys), .testing(tickets: later))
    #expect(talk.isOpen)
    #expect(talk.server.session.isResumed == rotation.works && talk.client.session.isResumed == rotation.works)
    #expect(talk.server.serverName == "site.test")
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func aTicketUnderAnOldKeyIsRenewed(version: TLSVersion) throws {
    let keys = TicketKeys()
    let newer = keys.rotated()
    let middle = try resumes(version, .testing(tickets: keys), .testing(tickets: newer))
    let renewed = middle.takeClientSession()
    defer { SSL_SESSION_free(renewed) }
    // Three rotations after the first key: only a renewed ticket can still work.
    let talk = try Conversation(.testing(tickets: newer.rotated().rotated())) {
      ClientTweak.limit($0, to: version)
      SSL_set_session($0, renewed)
    }.run()
    #expect(talk.isOpen && talk.server.session.isResumed)
  }

  @Test func publishedKeysTakeEffectInALivingContext() throws {
    let keys = TicketKeys()
    let context = try TLSContext(.testing(tickets: keys))
    context.tickets = keys.rotated().rotated().rotated()
    let session = try Conversation(.testing(tickets: keys)).run().takeClientSession()
    defer { SSL_SESSION_free(session) }
    let talk = try Conversation(context) { SSL_set_session($0, session) }.run()
    #expect(talk.isOpen && !talk.server.session.isResumed)
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func aTicketOpensOnlyTheNameItWasIssuedFor(version: TLSVersion) throws {
    let keys = TicketKeys()
    let other = try resumes(
      version, .testing(tickets: keys), .testing(tickets: keys), name: "a.site.test", then: "b.site.test")
    #expect(other.isOpen && !other.server.session.isResumed)
    #expect(other.server.serverName == "b.site.test")
    let same = try resumes(
      version, .testing(tickets: keys), .testing(tickets: keys), name: "a.site.test", then: "A.site.test")
    #expect(same.isOpen && same.server.session.isResumed)
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func resumptionWorksAcrossCertificatesChosenByName(version: TLSVersion) throws {
    let keys = TicketKeys()
    let settings = TLSServerSettings.testing([Fixture.elsewhere, Fixture.site], tickets: keys)
    let talk = try resumes(version, settings, settings, name: "a.site.test")
    #expect(talk.isOpen && talk.server.session.isResumed)
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func strangersTicketsMeanAFullHandshakeAndLeaveNoErrorBehind(version: TLSVersion) throws {
    let talk = try resumes(version, .testing(), .testing())
    #expect(talk.isOpen && !talk.server.session.isResumed)
    #expect(ERR_peek_error() == 0)
  }

  @Test(arguments: [TLSVersion.tls12, .tls13], [ClientAuth.optional, .require])
  func aTicketFromAListenerWithoutClientCertificatesOpensNone(version: TLSVersion, auth: ClientAuth) throws {
    let keys = TicketKeys()
    let strict = TLSServerSettings.testing(tickets: keys) {
      $0.clientAuth = auth
      $0.clientCA = Fixture.authority
    }
    let talk = try resumes(version, .testing(tickets: keys), strict)
    #expect(!talk.server.session.isResumed)
    #expect((talk.server.failure == .certificateMissing) == (auth == .require))
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func listenersWithClientCertificatesResumeNobody(version: TLSVersion) throws {
    let strict = TLSServerSettings.testing {
      $0.clientAuth = .require
      $0.clientCA = Fixture.authority
    }
    let context = try TLSContext(strict)
    _ = Fixture.client
    let first = try Conversation(context) {
      ClientTweak.limit($0, to: version)
      ClientTweak.useCertificate($0, "client")
    }.run()
    #expect(first.isOpen)
    let session = first.takeClientSession()
    defer { SSL_SESSION_free(session) }
    let second = try Conversation(context) {
      ClientTweak.limit($0, to: version)
      SSL_set_session($0, session)
    }.run()
    #expect(second.server.failure == .certificateMissing)
  }
}

@Suite struct TicketKeysTests {
  @Test func rotationPutsANewKeyInFrontAndKeepsTwo() {
    let first = TicketKeys()
    let fourth = first.rotated().rotated().rotated()
    #expect(first.count == 1 && first.rotated().count == 2 && fourth.count == 3)
    let name = UnsafeRawPointer(first.current).assumingMemoryBound(to: UInt8.self)
    #expect(first.position(ofName: name) == 0)
    #expect(first.rotated().position(ofName: name) == 1)
    #expect(first.rotated().rotated().position(ofName: name) == 2)
    #expect(fourth.position(ofName: name) == nil)
  }

  @Test func keysHaveNoPadding() {
    #expect(MemoryLayout<TicketKey>.size == TicketKey.nameCount + 2 * TicketKey.secretCount)
    #expect(MemoryLayout<TicketKey>.stride == MemoryLayout<TicketKey>.size)
  }
}
