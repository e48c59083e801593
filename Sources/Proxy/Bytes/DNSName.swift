/// The host names that Porthole accepts in configuration and certificates.
///
/// Letters, digits and hyphens in labels of 1 to 63 bytes, 253 in all (RFC 1035 §2.3.4, RFC 1123 §2.1). Narrower than
/// DNS itself on purpose: a name that passes can be written into a header, a certificate or a log line as it is.
public enum DNSName {
  /// The name in lower case without a trailing dot; nil where it breaks the rule.
  public static func normalized(_ text: String) -> String? {
    var name = text.lowercased()
    if name.hasSuffix(".") { name.removeLast() }
    return isValid(name) ? name : nil
  }

  /// Whether `text` is a name in lower case without a trailing dot. Addresses such as `127.0.0.1` are not names.
  public static func isValid(_ text: String) -> Bool {
    guard (1...253).contains(text.utf8.count) else { return false }
    let labels = text.utf8.split(separator: 0x2E, omittingEmptySubsequences: false)
    guard labels.allSatisfy(isLabel), let last = labels.last else { return false }
    // A last label of digits alone would be read as an IPv4 address (WHATWG URL, "ends in a number").
    return !last.allSatisfy(ASCII.isDigit)
  }

  private static func isLabel(_ label: Substring.UTF8View) -> Bool {
    guard (1...63).contains(label.count), label.first != 0x2D, label.last != 0x2D else { return false }
    return label.allSatisfy { (0x61...0x7A).contains($0) || ASCII.isDigit($0) || $0 == 0x2D }
  }
}
