import Testing

@testable import Telemetry

@Suite struct SecretRedactionTests {
  static let table: [(url: String, logged: String)] = [
    ("/", "/"),
    ("/?", "/?"),
    ("/a?b=c&d", "/a?b=c&d"),
    ("/?grant=s3cret", "/?grant=REDACTED"),
    ("/?token=s3cret&a=1", "/?token=REDACTED&a=1"),
    ("/?a=1&token=s3cret&b=2&grant=s3cret", "/?a=1&token=REDACTED&b=2&grant=REDACTED"),
    ("/?token=s3cret&token=s3cret", "/?token=REDACTED&token=REDACTED"),
    ("/?Token=s3cret", "/?Token=REDACTED"),
    ("/?%74oke%6E=s3cret", "/?%74oke%6E=REDACTED"),
    ("/?a=1;token=s3cret", "/?a=1;token=REDACTED"),
    ("/?token=s3;cret&b=1", "/?token=REDACTED&b=1"),
    ("/?token=s3=cret", "/?token=REDACTED"),
    ("/?token=s3?cret", "/?token=REDACTED"),
    ("/?token=", "/?token="),
    ("/?token=&a=1", "/?token=&a=1"),
    ("/?token", "/?token"),
    ("/?tokens=1&mytoken=2&to%6=3&t=token", "/?tokens=1&mytoken=2&to%6=3&t=token"),
    ("/?&&;token=s3cret&&", "/?&&;token=REDACTED&&"),
    ("/token=public", "/token=public"),
    ("/.porthole/auth?grant=s3cret&next=/a", "/.porthole/auth?REDACTED"),
    ("/.porthole/auth?once=s3cret", "/.porthole/auth?REDACTED"),
    ("/.porthole/auth", "/.porthole/auth"),
    ("/.porthole/auth?", "/.porthole/auth?"),
    ("/.portholes/auth?next=/a", "/.portholes/auth?next=/a"),
    ("https://1-a.test/.porthole/auth?x=s3cret", "https://1-a.test/.porthole/auth?REDACTED"),
    ("https://1-a.test/b?x=1&grant=s3cret", "https://1-a.test/b?x=1&grant=REDACTED"),
    ("https://1-a.test?grant=s3cret", "https://1-a.test?grant=REDACTED"),
    ("", ""), ("?", "?"), ("?token=s3cret", "?token=REDACTED"), ("*", "*"),
  ]

  @Test(arguments: table)
  func secretsAreHidden(url: String, logged: String) {
    #expect(SecretRedactionTests.redacted(Array(url.utf8)) == logged)
  }

  /// The cut comes first: a secret that reaches over it is still recognised.
  @Test func aSecretAcrossTheCutIsHidden() {
    let target = Array(("/?" + String(repeating: "a", count: 4_083) + "&token=s3cret").utf8)
    let line = target.withUnsafeBufferPointer { bytes in
      var record = AccessRecord.sample()
      record.target = bytes
      return record.line(.json)
    }
    #expect(line.contains("&token=REDACTED...\""))
    #expect(!line.contains("s3c"))
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func noArrangementShowsASecret(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let pieces = ["?", "&", ";", "=", "a", "token", "grant", "%74oken", "%", "/.porthole/", "/", "TOKEN", "#"]
    for _ in 0..<2_000 {
      let before = (0..<Int.random(in: 0...6, using: &random)).map { _ in pieces.randomElement(using: &random)! }
        .joined()
      let url = "/?" + before + "&token=s3cret" + pieces.randomElement(using: &random)! + "b"
      #expect(!SecretRedactionTests.redacted(Array(url.utf8)).contains("s3cret"), "seed \(seed): \(url)")
    }
  }

  private static func redacted(_ url: [UInt8]) -> String {
    let bytes = [UInt8](unsafeUninitializedCapacity: 6 * url.count + 64) { buffer, count in
      var line = LineWriter(at: buffer.baseAddress!)
      url.withUnsafeBufferPointer { SecretRedaction.write($0, to: &line, .json) }
      count = line.at - buffer.baseAddress!
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
