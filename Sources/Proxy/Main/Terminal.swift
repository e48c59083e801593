import Glibc

/// Standard output for what was asked for, standard error for everything else.
enum Terminal {
  static func print(_ text: String) { write(text, to: STDOUT_FILENO) }

  static func error(_ text: String) {
    if !text.isEmpty { write(text, to: STDERR_FILENO) }
  }

  /// In one go and without stdio's buffer: nothing is lost when the process ends by a signal, and lines of several
  /// threads do not mix.
  private static func write(_ text: String, to descriptor: Int32) {
    let bytes = Array((text.hasSuffix("\n") ? text : text + "\n").utf8)
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + sent, $0.count - sent) }
      if count < 0, errno == EINTR { continue }
      if count <= 0 { return }  // Nobody reads any more, and there is nobody to tell.
      sent += count
    }
  }
}
