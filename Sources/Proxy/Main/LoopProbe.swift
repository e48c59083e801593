import Bytes
import ControlPlane
import Loop
import Sandbox

/// Tries ports of sandboxes from the control loop.
struct LoopProbe: PortProbe {
  /// @unchecked: made before the loop runs, used on the loop alone, as `ControlLoop` sees to.
  private final class Box: @unchecked Sendable {
    let loop: EventLoop
    init(_ loop: EventLoop) { self.loop = loop }
  }

  private let box: Box

  init(loop: EventLoop) { box = Box(loop) }

  func connect(_ endpoint: Endpoint, deadline: Deadline) async -> Bool {
    await probe(endpoint, request: nil, deadline) != nil
  }

  func get(_ endpoint: Endpoint, host: String, path: String, deadline: Deadline) async -> Int? {
    let request =
      "GET \(path) HTTP/1.1\r\nHost: \(host)\r\nUser-Agent: porthole\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    return await probe(endpoint, request: request, deadline)
  }

  @ControlLoop
  private func probe(_ endpoint: Endpoint, request: String?, _ deadline: Deadline) async -> Int? {
    let ms = UInt64(max(1, deadline.remaining.milliseconds))
    return await withCheckedContinuation { continuation in
      let stream = ProbeStream(loop: box.loop, request: request) { continuation.resume(returning: $0) }
      stream.begin(endpoint, afterMs: ms)
    }
  }
}

extension Duration {
  var milliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}

/// One attempt. `done` is called once: with the status, with 0 where connecting was all that was asked, or with nil.
private final class ProbeStream: TCPStream {
  private let request: String?
  private var done: ((Int?) -> Void)?
  private var received: [UInt8] = []

  /// A status line is shorter.
  private static let receivedMax = 4_096

  init(loop: EventLoop, request: String?, done: @escaping (Int?) -> Void) {
    self.request = request
    self.done = done
    super.init(loop: loop)
  }

  func begin(_ endpoint: Endpoint, afterMs ms: UInt64) {
    switch endpoint {
    case .tcp(let address):
      if connect(to: address) != nil { finish(nil) }
    case .unix(let path):
      if path.isEmpty { finish(nil) } else { connect(toUnixPath: path) }
    }
    if done != nil { loop.timers.schedule(self, afterMs: ms) }
  }

  override func connectEnded(_ error: LoopError?) {
    guard error == nil else { return finish(nil) }
    guard let request else { return finish(0) }
    var bytes = Array(request.utf8)
    let isSent = bytes.withUnsafeMutableBufferPointer { write($0.baseAddress!, $0.count) }
    if isSent { startReading() } else { finish(nil) }
  }

  override func readCompleted(_ base: UnsafeMutablePointer<UInt8>, _ count: Int) {
    received += UnsafeBufferPointer(start: base, count: count)
    if let end = received.firstIndex(of: 0x0A) {
      finish(ProbeStream.status(received[..<end]))
    } else if received.count > ProbeStream.receivedMax {
      finish(nil)
    }
  }

  /// `HTTP/1.1 200 OK`
  private static func status(_ line: ArraySlice<UInt8>) -> Int? {
    let words = line.split(separator: 0x20, maxSplits: 2)
    guard words.count >= 2, words[0].starts(with: "HTTP/1.".utf8) else { return nil }
    let digits = words[1].prefix { (0x30...0x39).contains($0) }
    return digits.count == 3 ? Int(String(decoding: digits, as: UTF8.self)) : nil
  }

  override func readEnded(_ error: LoopError?) { finish(nil) }
  override func writeFailed(_ error: LoopError) { finish(nil) }
  override func deadlineReached() { finish(nil) }
  override func closed() { finish(nil) }

  private func finish(_ result: Int?) {
    guard let done else { return }
    self.done = nil
    close()
    done(result)
  }
}
