internal import GRDB
internal import GRDBSQLite
internal import Glibc
internal import Sandbox

/// All sandboxes with what is open of them, read in one go: three statements side by side, each in the order in which its
/// table lies on disk.
struct SandboxScan {
  private let database: Database
  private let sandboxes: OpaquePointer
  private var exposures: Run
  private var links: Run

  /// A statement whose rows are of the same sandboxes, in the same order.
  private struct Run {
    let statement: OpaquePointer
    var isAtRow = false
    var row: Columns { Columns(statement: statement) }
  }

  static let sandboxes = "SELECT \(SandboxRow.columns) FROM sandbox ORDER BY id"
  /// The plus keeps SQLite from the index by end, whose order is another.
  static let exposures = """
    SELECT \(ExposureRow.columns) FROM exposure WHERE +expiresAtMs IS NULL OR +expiresAtMs > ? ORDER BY sandbox, port
    """
  static let links =
    "SELECT \(LinkRow.columns) FROM link WHERE expiresAtMs > ? ORDER BY sandbox, port, createdAtMs, id"

  /// Exposures and links whose end is at `nowMs` have ended.
  init(_ database: Database, nowMs: UInt64) throws {
    self.database = database
    sandboxes = try database.bound(SandboxScan.sandboxes, [])
    exposures = Run(statement: try database.bound(SandboxScan.exposures, [.amount(nowMs)]))
    links = Run(statement: try database.bound(SandboxScan.links, [.amount(nowMs)]))
  }

  mutating func forEach(_ body: (StoredSandbox, [Exposure]) throws -> Void) throws {
    // A statement that stands on a row would hold its state of the file, and the `-wal` would grow.
    defer { for statement in [sandboxes, exposures.statement, links.statement] { database.release(statement) } }
    exposures.isAtRow = try database.step(exposures.statement)
    links.isAtRow = try database.step(links.statement)
    var open: [Exposure] = []
    while try database.step(sandboxes) {
      let row = Columns(statement: sandboxes)
      let sandbox = try SandboxRow.decode(row)
      open.removeAll(keepingCapacity: true)
      try collect(of: row.buffer(0), into: &open)
      // A copy has no room to spare, which millions of them would waste.
      try body(sandbox, sandbox.endedAtMs == nil && !open.isEmpty ? Array(open) : [])
    }
  }

  private mutating func collect(of id: UnsafeBufferPointer<UInt8>, into open: inout [Exposure]) throws {
    while exposures.isAtRow {
      let order = SandboxScan.order(exposures.row.buffer(0), id)
      if order > 0 { return }
      if order == 0 {
        var exposure = try ExposureRow.exposure(exposures.row)
        try collectLinks(of: id, into: &exposure)
        open.append(exposure)
      }
      exposures.isAtRow = try database.step(exposures.statement)
    }
  }

  private mutating func collectLinks(of id: UnsafeBufferPointer<UInt8>, into exposure: inout Exposure) throws {
    while links.isAtRow {
      var order = SandboxScan.order(links.row.buffer(0), id)
      if order == 0 { order = Int(links.row.int(1)) - Int(exposure.port) }
      if order > 0 { return }
      if order == 0 { exposure.links.append(try LinkRow.link(links.row)) }
      links.isAtRow = try database.step(links.statement)
    }
  }

  /// As SQLite sorts texts: by their bytes. Below, at or above 0.
  @inline(__always)
  private static func order(_ one: UnsafeBufferPointer<UInt8>, _ other: UnsafeBufferPointer<UInt8>) -> Int {
    guard let first = one.baseAddress, let second = other.baseAddress else { return one.count - other.count }
    let order = memcmp(first, second, min(one.count, other.count))
    return order == 0 ? one.count - other.count : Int(order)
  }
}
