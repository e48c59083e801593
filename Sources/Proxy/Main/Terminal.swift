import Glibc

/// Standard output for what was asked for, standard error for everything else.
enum Terminal {
  enum Stream {
    case output
    case error

    fileprivate var descriptor: Int32 { self == .output ? STDOUT_FILENO : STDERR_FILENO }
  }

  static func print(_ text: String) { write(line: text, to: .output) }

  static func error(_ text: String) {
    if !text.isEmpty { write(line: text, to: .error) }
  }

  private static func write(line text: String, to stream: Stream) {
    // Where nobody reads any more, there is nobody to tell.
    write(Array((text.hasSuffix("\n") ? text : text + "\n").utf8), to: stream)
  }

  /// Bytes as they are. False when they could not all be written; then `errno` says why.
  ///
  /// In one go and without stdio's buffer: nothing is lost when the process ends by a signal, and lines of several threads
  /// do not mix.
  @discardableResult static func write(_ bytes: [UInt8], to stream: Stream) -> Bool {
    write(bytes, to: stream.descriptor)
  }

  @discardableResult static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        // Not empty, so there is an address.
        Glibc.write(descriptor, buffer.baseAddress! + sent, buffer.count - sent)
      }
      if count < 0, errno == EINTR { continue }
      if count <= 0 { return false }
      sent += count
    }
    return true
  }

  /// Text of somebody else's as a part of a line of ours: control characters become visible, so that a sandbox's name or a
  /// file's can neither move the cursor nor pass for another line.
  static func visible(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x09: out += "\\t"
      case 0x0A: out += "\\n"
      case 0x0D: out += "\\r"
      // C0, DEL, C1, and what turns the direction of writing around.
      case 0..<0x20, 0x7F...0x9F, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069:
        out += "\\u{\(String(scalar.value, radix: 16))}"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }
}
