import Settings

extension Configuration {
  /// How TLS is spoken to clients, for every certificate alike.
  public struct TLSOptions: Sendable, Equatable {
    public enum Version: String, Sendable, CaseIterable {
      case tls12 = "1.2"
      case tls13 = "1.3"
    }

    /// Default: 1.2.
    public var minVersion: Version
    /// TLS 1.2 cipher suites in OpenSSL's notation. Default: Mozilla's intermediate list.
    public var ciphers: String?
    /// How long a session ticket key makes tickets; it opens them for as long again. Default: 12 h.
    public var ticketRotationMs: Int
    /// `Strict-Transport-Security` on every https answer. Default: off, since browsers remember it for a long time.
    public var hsts: HSTS?

    public init(
      minVersion: Version = .tls12, ciphers: String? = nil, ticketRotationMs: Int = 43_200_000, hsts: HSTS? = nil
    ) {
      self.minVersion = minVersion
      self.ciphers = ciphers
      self.ticketRotationMs = ticketRotationMs
      self.hsts = hsts
    }
  }

  /// RFC 6797.
  public struct HSTS: Sendable, Equatable {
    public var maxAgeSec: Int
    /// Default: false.
    public var includeSubDomains: Bool
    /// Consent to browsers' built-in lists. Default: false.
    public var preload: Bool

    public init(maxAgeSec: Int, includeSubDomains: Bool = false, preload: Bool = false) {
      self.maxAgeSec = maxAgeSec
      self.includeSubDomains = includeSubDomains
      self.preload = preload
    }

    /// The header's value.
    public var headerValue: String {
      "max-age=\(maxAgeSec)" + (includeSubDomains ? "; includeSubDomains" : "") + (preload ? "; preload" : "")
    }
  }
}

extension Configuration.TLSOptions {
  init(_ field: Field) {
    self.init()
    guard field.isSection("{minVersion: \"1.2\"}") else { return }
    minVersion = field["minVersion"].choice(Version.self) ?? minVersion
    ciphers = field["ciphers"].text("TLS 1.2 cipher suites in OpenSSL's notation")
    // A minute to a week: below, tickets die while they are handed out; above, forward secrecy is a memory.
    ticketRotationMs = field["ticketRotation"].duration(60_000...604_800_000) ?? ticketRotationMs
    hsts = Configuration.HSTS.read(field["hsts"])
  }
}

extension Configuration.HSTS {
  /// Ten years; nobody means more.
  private static let maxAgeRangeMs = 0...315_360_000_000

  static func read(_ field: Field) -> Configuration.HSTS? {
    if field.isWord("off") { return nil }
    guard field.isMapping else { return field.duration(maxAgeRangeMs).map { Configuration.HSTS(maxAgeSec: $0 / 1000) } }
    if !field["maxAge"].isGiven { field["maxAge"].require("a duration such as 365d, or seconds") }
    let hsts = Configuration.HSTS(
      maxAgeSec: (field["maxAge"].duration(maxAgeRangeMs) ?? 0) / 1000,
      includeSubDomains: field["includeSubDomains"].flag() ?? false,
      preload: field["preload"].flag() ?? false)
    // hstspreload.org takes nothing less.
    if hsts.preload, !hsts.includeSubDomains || hsts.maxAgeSec < 31_536_000 {
      field["preload"].refuse("preload lists ask for includeSubDomains: true and a maxAge of at least 365d")
    }
    return hsts
  }
}
