internal import Bytes
internal import Sandbox

/// How an exposure lies in its row.
enum ExposureRow {
  /// Those that `values` and an update set, in this order.
  private static let changing = [
    "name", "host", "upstream", "auth", "allowIPs", "embedOrigins", "wake", "keepAlive", "expiresAtMs", "nonce",
    "firstRequestAtMs",
  ]
  /// As `decode` reads them.
  static let columns = (["sandbox", "port", "createdAtMs"] + changing).joined(separator: ", ")

  static let insert = """
    INSERT INTO exposure (\(columns)) VALUES (\(Array(repeating: "?", count: changing.count + 3).joined(separator: ", ")))
    """
  static let update =
    "UPDATE exposure SET \(changing.map { $0 + " = ?" }.joined(separator: ", ")) WHERE sandbox = ? AND port = ?"
  static let ending = """
    SELECT sandbox, port, expiresAtMs FROM exposure WHERE expiresAtMs IS NOT NULL ORDER BY expiresAtMs, sandbox, port
    """

  static func values(_ stored: StoredExposure) -> [Value] {
    let exposure = stored.exposure
    return [
      .text(exposure.name), .text(text(exposure.host)), .text(exposure.upstream.rawValue),
      .text(exposure.auth.rawValue), .text(StringList.encode(exposure.allowIPs.map(\.description))),
      .text(StringList.encode(exposure.embedOrigins)), .flag(exposure.wake), .flag(exposure.keepAlive),
      .amount(exposure.expiresAtMs), .word(exposure.nonce), .amount(stored.firstRequestAtMs),
    ]
  }

  static func decode(_ row: Columns) throws -> StoredExposure {
    StoredExposure(
      sandbox: try row.id(0), exposure: try exposure(row), createdAtMs: row.amount(2),
      firstRequestAtMs: row.amountOrNil(13))
  }

  static func exposure(_ row: Columns) throws -> Exposure {
    Exposure(
      port: try row.port(1), name: row.textOrNil(3), host: try host(row, 4), upstream: try row.choice(5),
      auth: try row.choice(6), allowIPs: try row.networks(7), embedOrigins: try row.strings(8), wake: row.flag(9),
      keepAlive: row.flag(10), expiresAtMs: row.amountOrNil(11), nonce: row.word(12))
  }

  private static let fixedPrefix = "fixed:"

  /// Unlike `HostPolicy.text` it keeps a fixed name apart that reads like one of the words.
  private static func text(_ host: HostPolicy) -> String? {
    switch host {
    case .public: nil
    case .localhost: "localhost"
    case .fixed(let name): fixedPrefix + name
    }
  }

  private static func host(_ row: Columns, _ index: Int32) throws -> HostPolicy {
    if row.isNull(index) { return .public }
    let text = row.text(index)
    if text == "localhost" { return .localhost }
    guard text.hasPrefix(fixedPrefix) else { throw row.damaged(index) }
    return .fixed(String(text.dropFirst(fixedPrefix.count)))
  }
}

/// How a share link lies in its row.
enum LinkRow {
  /// Those that `values` and an update set, in this order.
  private static let changing = [
    "once", "expiresAtMs", "pathPrefix", "methods", "allowIPs", "name", "lastUsedAtMs", "redeemedAtMs",
  ]
  /// As `decode` reads them.
  static let columns = (["sandbox", "port", "createdAtMs", "id"] + changing).joined(separator: ", ")

  static let insert = """
    INSERT INTO link (\(columns)) VALUES (\(Array(repeating: "?", count: changing.count + 4).joined(separator: ", ")))
    """
  static let update = "UPDATE link SET \(changing.map { $0 + " = ?" }.joined(separator: ", ")) WHERE id = ?"

  static func values(_ stored: StoredLink) -> [Value] {
    let link = stored.link
    return [
      .flag(link.once), .amount(link.expiresAtMs), .text(link.pathPrefix), .text(StringList.encode(link.methods)),
      .text(StringList.encode(link.allowIPs.map(\.description))), .text(stored.name), .amount(stored.lastUsedAtMs),
      .amount(stored.redeemedAtMs),
    ]
  }

  static func decode(_ row: Columns) throws -> StoredLink {
    StoredLink(
      sandbox: try row.id(0), port: try row.port(1), link: try link(row), name: row.textOrNil(9),
      createdAtMs: row.amount(2), lastUsedAtMs: row.amountOrNil(10), redeemedAtMs: row.amountOrNil(11))
  }

  static func link(_ row: Columns) throws -> ShareLink {
    ShareLink(
      id: row.word(3), once: row.flag(4), expiresAtMs: row.amount(5), pathPrefix: row.textOrNil(6),
      methods: try row.strings(7), allowIPs: try row.networks(8))
  }
}
