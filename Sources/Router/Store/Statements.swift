internal import GRDB
internal import GRDBSQLite

/// What is bound to a statement.
enum Value {
  case null
  case int(Int64)
  case text(String)
  case bytes([UInt8])

  static func flag(_ value: Bool) -> Value { .int(value ? 1 : 0) }
  /// A number that uses all its bits.
  static func word(_ value: UInt64) -> Value { .int(Int64(bitPattern: value)) }
  /// A time or a size: those beyond 2^63 - 1 end there.
  static func amount(_ value: UInt64) -> Value { .int(Int64(clamping: value)) }
  static func amount(_ value: UInt64?) -> Value { value.map { amount($0) } ?? .null }
  static func count(_ value: Int) -> Value { .int(Int64(value)) }
  static func text(_ value: String?) -> Value { value.map { text($0) } ?? .null }
}

/// Statements out of GRDB's cache, bound and stepped by hand: its own binding ends a text at its first NUL.
extension Database {
  /// - Returns: how many rows were written or removed.
  @discardableResult
  func run(_ sql: String, _ values: [Value] = []) throws -> Int {
    let handle = try bound(sql, values)
    defer { release(handle) }
    let before = totalChangesCount
    while try step(handle) {}
    return totalChangesCount - before
  }

  func rows<T>(_ sql: String, _ values: [Value] = [], _ decode: (Columns) throws -> T) throws -> [T] {
    let handle = try bound(sql, values)
    defer { release(handle) }
    var rows: [T] = []
    while try step(handle) { rows.append(try decode(Columns(statement: handle))) }
    return rows
  }

  func row<T>(_ sql: String, _ values: [Value] = [], _ decode: (Columns) throws -> T) throws -> T? {
    let handle = try bound(sql, values)
    defer { release(handle) }
    return try step(handle) ? try decode(Columns(statement: handle)) : nil
  }

  /// A statement ready to step. It is the cache's: one that still runs is not asked for again.
  func bound(_ sql: String, _ values: [Value]) throws -> OpaquePointer {
    // SQLite ends a transaction by itself when the disk is full or fails. A body that goes on nevertheless must not have
    // each of its statements committed alone.
    guard isInsideTransaction else {
      throw DatabaseError(resultCode: .SQLITE_ABORT, message: "transaction was aborted")
    }
    let handle = try cachedStatement(sql: sql).sqliteStatement
    // What the last use of it failed with is not this one's.
    sqlite3_reset(handle)
    precondition(Int(sqlite3_bind_parameter_count(handle)) == values.count, "as many values as places for them")
    for (index, value) in zip(Int32(1)..., values) {
      let code = value.bind(to: handle, at: index)
      if code != SQLITE_OK { throw failure(code) }
    }
    return handle
  }

  /// Whether there is a row.
  @inline(__always)
  func step(_ handle: OpaquePointer) throws -> Bool {
    switch sqlite3_step(handle) {
    case SQLITE_ROW: true
    case SQLITE_DONE: false
    case let code: throw failure(code)
    }
  }

  /// Lets go of the row and of what was bound, which may be large or secret.
  func release(_ handle: OpaquePointer) {
    sqlite3_reset(handle)
    sqlite3_clear_bindings(handle)
  }

  private func failure(_ code: Int32) -> DatabaseError {
    let extended = sqlite3_extended_errcode(sqliteConnection)
    return DatabaseError(
      resultCode: ResultCode(rawValue: extended & 0xFF == code & 0xFF ? extended : code), message: lastErrorMessage)
  }
}

extension Value {
  fileprivate func bind(to handle: OpaquePointer, at index: Int32) -> Int32 {
    // SQLITE_TRANSIENT, a cast that Swift does not import: SQLite copies before it returns.
    let copy = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    switch self {
    case .null: return sqlite3_bind_null(handle, index)
    case .int(let value): return sqlite3_bind_int64(handle, index, value)
    case .text(var text):
      return text.withUTF8 {
        // No address would mean NULL.
        $0.withMemoryRebound(to: CChar.self) {
          sqlite3_bind_text64(
            handle, index, $0.baseAddress ?? Value.nothing, UInt64($0.count), copy, UInt8(SQLITE_UTF8))
        }
      }
    case .bytes(let bytes):
      return bytes.withUnsafeBytes {
        $0.isEmpty
          ? sqlite3_bind_zeroblob(handle, index, 0)
          : sqlite3_bind_blob64(handle, index, $0.baseAddress, UInt64($0.count), copy)
      }
    }
  }

  private static var nothing: UnsafePointer<CChar> {
    UnsafeRawPointer(("" as StaticString).utf8Start).assumingMemoryBound(to: CChar.self)
  }
}
