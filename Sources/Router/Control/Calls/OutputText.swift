internal import FoundationEssentials

/// How output is put into JSON.
enum OutputEncoding: String, Sendable, CaseIterable {
  case utf8
  case base64

  func text(_ bytes: [UInt8]) -> String {
    switch self {
    case .utf8: String(decoding: bytes, as: UTF8.self)
    case .base64: Data(bytes).base64EncodedString()
    }
  }
}

/// Text out of bytes that are cut anywhere: what may be the beginning of a character waits for the rest of it.
struct OutputPieces {
  private let encoding: OutputEncoding
  private var held: [UInt8] = []

  init(_ encoding: OutputEncoding) { self.encoding = encoding }

  mutating func take(_ bytes: [UInt8]) -> String {
    guard encoding == .utf8 else { return encoding.text(bytes) }
    let all = held + bytes
    let kept = OutputPieces.unfinished(all)
    held = Array(all.suffix(kept))
    return encoding.text(Array(all.dropLast(kept)))
  }

  /// What never came to an end.
  mutating func rest() -> String {
    defer { held = [] }
    return encoding.text(held)
  }

  /// How many bytes at the end may be the beginning of a character.
  private static func unfinished(_ bytes: [UInt8]) -> Int {
    for back in 1...3 where back <= bytes.count {
      let byte = bytes[bytes.count - back]
      if byte & 0xC0 == 0x80 { continue }
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return length > back ? back : 0
    }
    return 0
  }
}

/// Output that is kept until the end, up to a limit.
struct OutputBuffer {
  private let bytesMax: Int
  private(set) var stdout: [UInt8] = []
  private(set) var stderr: [UInt8] = []
  private(set) var isTruncated = false

  init(bytesMax: Int) { self.bytesMax = bytesMax }

  mutating func take(_ stream: OutputStreamName, _ bytes: [UInt8]) {
    let room = bytesMax - (stream == .stdout ? stdout.count : stderr.count)
    if bytes.count > room { isTruncated = true }
    let part = bytes.prefix(max(0, room))
    if stream == .stdout { stdout += part } else { stderr += part }
  }
}

enum OutputStreamName: String, Sendable {
  case stdout, stderr
}
