public import Bytes
internal import Sandbox

/// What an exposure asks of requests beyond a credential. Immutable and shared between workers; most exposures have none.
public final class ExposurePolicy: Sendable {
  public let allowIPs: [CIDR]
  /// As they stand in an `Origin` field.
  let embedOrigins: [[UInt8]]
  let links: [LinkScope]
  /// Milliseconds since 1970; `.max` for never.
  public let expiresAtMs: UInt64

  init?(_ exposure: Exposure) {
    guard
      !exposure.allowIPs.isEmpty || !exposure.embedOrigins.isEmpty || !exposure.links.isEmpty
        || exposure.expiresAtMs != nil
    else { return nil }
    allowIPs = exposure.allowIPs
    embedOrigins = exposure.embedOrigins.map { Array($0.utf8) }
    links = exposure.links.map(LinkScope.init)
    expiresAtMs = exposure.expiresAtMs ?? .max
  }

  public func allows(_ ip: IPAddress) -> Bool { ExposurePolicy.allows(ip, allowIPs) }

  static func allows(_ ip: IPAddress, _ networks: [CIDR]) -> Bool {
    networks.isEmpty || networks.contains { $0.contains(ip) }
  }

  /// Origins are compared byte for byte: browsers serialise them in one way (RFC 6454 §6.1).
  public func embeds(_ origin: UnsafeBufferPointer<UInt8>) -> Bool {
    embedOrigins.contains { $0.count == origin.count && $0.elementsEqual(origin) }
  }

  public func link(_ id: UInt64) -> LinkScope? { links.first { $0.id == id } }
}

/// How far a share link goes.
public struct LinkScope: Sendable {
  public let id: UInt64
  public let once: Bool
  /// Milliseconds since 1970.
  public let expiresAtMs: UInt64
  private let pathPrefix: [UInt8]?
  private let methods: [[UInt8]]
  private let allowIPs: [CIDR]

  init(_ link: ShareLink) {
    id = link.id
    once = link.once
    expiresAtMs = link.expiresAtMs
    pathPrefix = link.pathPrefix.map { Array($0.utf8) }
    methods = link.methods.map { Array($0.utf8) }
    allowIPs = link.allowIPs
  }

  public func allows(_ ip: IPAddress) -> Bool { ExposurePolicy.allows(ip, allowIPs) }

  /// Method names are case-sensitive (RFC 9110 §9.1). Whoever may GET may ask for the head alone.
  public func allows(method: UnsafeBufferPointer<UInt8>) -> Bool {
    if methods.isEmpty { return true }
    if methods.contains(where: { $0.count == method.count && $0.elementsEqual(method) }) { return true }
    return method.count == 4 && ASCII.equals(method, "HEAD") && methods.contains { $0.elementsEqual("GET".utf8) }
  }

  /// Whether the path lies at or below the prefix, a whole segment at a time.
  ///
  /// A server may decode a path and resolve its dots, so a path that could be read as one outside of the prefix is
  /// outside: with a prefix set, paths with dot segments, encoded dots or slashes, backslashes, or a second slash in a
  /// row are refused.
  public func allows(target: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let pathPrefix else { return true }
    let path = UnsafeBufferPointer(rebasing: target.prefix { $0 != UInt8(ascii: "?") })
    guard LinkScope.isPlain(path) else { return false }
    var prefix = pathPrefix[...]
    while prefix.count > 1, prefix.last == UInt8(ascii: "/") { prefix = prefix.dropLast() }
    guard path.count >= prefix.count, path.starts(with: prefix) else { return false }
    return path.count == prefix.count || prefix.count == 1 || path[prefix.count] == UInt8(ascii: "/")
  }

  /// Whether every server reads the path in the same way.
  static func isPlain(_ path: UnsafeBufferPointer<UInt8>) -> Bool {
    var segmentStart = 0
    for (index, byte) in path.enumerated() {
      switch byte {
      case UInt8(ascii: "/"):
        if index > 0, index == segmentStart { return false }
        if isDots(path, segmentStart, index) { return false }
        segmentStart = index + 1
      case UInt8(ascii: "\\"), UInt8(ascii: ";"): return false
      case UInt8(ascii: "%"):
        guard index + 2 < path.count else { return false }
        // %2e, %2f, %5c, and %25, behind which the same may hide from a server that decodes twice.
        switch (path[index + 1], ASCII.lower(path[index + 2])) {
        case (0x32, 0x65), (0x32, 0x66), (0x35, 0x63), (0x32, 0x35), (0x30, 0x30): return false
        default: break
        }
      default: break
      }
    }
    return !isDots(path, segmentStart, path.count)
  }

  private static func isDots(_ path: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Bool {
    guard end - start == 1 || end - start == 2 else { return false }
    return path[start] == UInt8(ascii: ".") && path[end - 1] == UInt8(ascii: ".")
  }
}
