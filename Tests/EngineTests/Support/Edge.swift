import Bytes
import Dispatch
import Foundation
import HTTP
import Loop
import Router
import Sandbox
import TLS
import Telemetry

@testable import ProxyEngine

/// A worker on a thread of its own, listening for TLS on a port that the kernel chose.
///
/// @unchecked: the worker is touched on its own thread only, by `perform`.
final class Edge: @unchecked Sendable {
  let counters = WorkerCounters(refusalWords: Refusal.allCases.map(\.word))
  private(set) var address: SocketAddress
  private let worker: Worker
  private let mailbox: Mailbox<@Sendable (Worker) -> Void>
  private let ended = DispatchSemaphore(value: 0)

  /// Every port of 127.0.0.1 answers as `<port>-a.p.test`; the ports in `exposures` are treated as they say.
  init(exposures: [Exposure] = [], _ change: (inout EngineSettings) -> Void = { _ in }) throws {
    signal(SIGPIPE, SIG_IGN)  // As the program does.
    var settings = EngineSettings()
    settings.dialRetryMs = 0
    change(&settings)
    let record = SandboxRecord(
      id: SandboxID("a")!, generation: Generation.next(), address: .ip(IPAddress(v4: 0x7F00_0001)),
      ingress: Ingress(mode: .open), exposures: exposures)
    let table = RouteTable(domains: ["p.test"], changes: [.putSandbox(record)])
    let worker = Worker(index: 0, settings: settings, table: table, counters: counters, log: nil)
    self.worker = worker
    let insecure = try TLSClientContext(TLSClientSettings(verification: .insecure))
    worker.upstreamTLS = { _, _ in insecure }
    mailbox = Mailbox(loop: worker.loop) { $0(worker) }
    let any = SocketAddress("127.0.0.1:0")!
    let tls = try TLSContext(TLSServerSettings(certificates: [Edge.certificate], tickets: TicketKeys()))
    address = try worker.listen(ListenerSettings(kind: .https, address: any), tls: tls)
    Thread.detachNewThread { [self] in
      self.worker.run()
      ended.signal()
    }
  }

  /// Runs on the worker's thread, between two events.
  func perform<R: Sendable>(_ body: @escaping @Sendable (Worker) -> R) -> R {
    let done = DispatchSemaphore(value: 0)
    nonisolated(unsafe) var result: R?  // Written before the signal, read after it.
    mailbox.send { worker in
      result = body(worker)
      done.signal()
    }
    done.wait()
    return result!
  }

  func stop() {
    mailbox.send { $0.loop.stop() }
    ended.wait()
  }

  func value(_ metric: Metric) -> UInt64 { counters.value(of: metric) }

  // MARK: What must be zero in the end

  static let gauges: [Metric] = [
    .openHTTPS, .requestsInFlight, .http2StreamsOpen, .tunnelsOpen, .upstreamConnectionsOpen, .upstreamConnectionsIdle,
  ]

  /// What is not given back; empty when all is well, or after ten seconds of asking whatever is still there.
  func leftovers() -> [String] {
    var left: [String] = []
    _ = eventually {
      left = Edge.gauges.filter { value($0) != 0 }.map { "\($0) \(Int64(bitPattern: value($0)))" }
      if !left.isEmpty { return false }
      let (lent, connections, out) = perform { ($0.loop.slabs.bytesLent, $0.connections.count, $0.outCount) }
      if lent != 0 { left.append("\(lent) bytes lent") }
      if connections != 0 { left.append("\(connections) connections") }
      if out != 0 { left.append("\(out) bytes gathered and not sent") }
      return left.isEmpty
    }
    return left
  }

  /// Made once, by the openssl tool, and gone with the process.
  static let certificate: LoadedCertificate = {
    let folder = NSTemporaryDirectory() + "porthole-engine-\(getpid())"
    try! FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
      "-keyout", "\(folder)/key.pem", "-out", "\(folder)/cert.pem", "-subj", "/CN=p.test", "-addext",
      "subjectAltName=DNS:*.p.test",
    ]
    process.standardError = FileHandle.nullDevice
    try! process.run()
    process.waitUntilExit()
    return try! CertificateFiles.load(certificate: "\(folder)/cert.pem", key: "\(folder)/key.pem", ocsp: nil)
  }()
}

/// Asks until it is so, for ten seconds at most.
func eventually(_ condition: () -> Bool) -> Bool {
  let deadline = DispatchTime.now().uptimeNanoseconds + 10_000_000_000
  while !condition() {
    if DispatchTime.now().uptimeNanoseconds > deadline { return false }
    usleep(1000)
  }
  return true
}
