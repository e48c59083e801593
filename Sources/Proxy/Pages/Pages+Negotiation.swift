internal import Bytes
public import HTTP

extension Pages {
  /// Whether somebody looks at the answer in a browser: a page for them, problem+json for everybody else.
  ///
  /// Browsers say what a request is for (Fetch Metadata, W3C). Where they don't (old ones, and insecure origins), only an
  /// `Accept` that names text/html makes a page; the `*/*` of curl and of most libraries does not.
  public static func wantsPage(
    method: Method, accept: UnsafeBufferPointer<UInt8>?, secFetchMode: UnsafeBufferPointer<UInt8>?,
    secFetchDest: UnsafeBufferPointer<UInt8>?, hasUpgrade: Bool
  ) -> Bool {
    guard method == .get || method == .head, !hasUpgrade else { return false }
    if let secFetchMode, !ASCII.equals(secFetchMode, "navigate") { return false }
    if let secFetchDest { return isNavigable(secFetchDest) }
    if secFetchMode != nil { return true }
    return accept.map(namesHTML) ?? false
  }

  /// The destinations of a navigation (Fetch §2.2.5): a window or something embedded that shows a document.
  private static func isNavigable(_ destination: UnsafeBufferPointer<UInt8>) -> Bool {
    let shown: [StaticString] = ["document", "iframe", "frame", "embed", "object", "fencedframe"]
    return shown.contains { ASCII.equals(destination, $0) }
  }

  /// RFC 9110 §12.5.1; a weight of zero means "not this".
  private static func namesHTML(_ accept: UnsafeBufferPointer<UInt8>) -> Bool {
    accept.split(separator: UInt8(ascii: ",")).contains { item in
      let parts = item.split(separator: UInt8(ascii: ";")).map { ASCII.trimmed(UnsafeBufferPointer(rebasing: $0)) }
      guard let type = parts.first, ASCII.equalsIgnoringCase(type, "text/html") else { return false }
      return !parts.dropFirst().contains(where: isZeroWeight)
    }
  }

  /// `q=0`, `q=0.`, `q=0.000`
  private static func isZeroWeight(_ parameter: UnsafeBufferPointer<UInt8>) -> Bool {
    guard parameter.count >= 3, ASCII.lower(parameter[0]) == UInt8(ascii: "q"), parameter[1] == UInt8(ascii: "=") else {
      return false
    }
    return parameter.dropFirst(2).allSatisfy { $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: ".") }
  }
}
