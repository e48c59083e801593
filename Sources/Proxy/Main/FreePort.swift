import Bytes
import Glibc

/// Finds ports on loopback for `porthole up`, so that it also comes up beside another one.
struct FreePort {
  struct Taken: Error { let port: UInt16 }

  /// What was found before: nothing listens there yet, so the kernel would give it again.
  private var given: Set<UInt16> = []
  /// What to tell the user about ports that are not the usual ones.
  private(set) var notes: [String] = []

  /// `wanted` and nothing else where the user asked for it, else `usual` or the next free one.
  mutating func find(_ what: String, wanted: UInt16?, usual: UInt16) throws(Taken) -> UInt16 {
    if let wanted {
      guard FreePort.isFree(wanted), given.insert(wanted).inserted else { throw Taken(port: wanted) }
      return wanted
    }
    // A hundred are enough: when they are all taken, something else is wrong.
    for port in usual..<(usual + 100) where !given.contains(port) && FreePort.isFree(port) {
      given.insert(port)
      if port != usual { notes.append("\(what): port \(usual) is taken, so it is \(port)") }
      return port
    }
    throw Taken(port: usual)
  }

  private static func isFree(_ port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    // As the listener will: connections that linger from the last run are no reason to move.
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    return SocketAddress(ip: IPAddress(v4: 0x7F00_0001), port: port).withSockaddr {
      bind(descriptor, $0, $1) == 0 && listen(descriptor, 1) == 0
    }
  }
}
