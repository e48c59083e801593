internal import Bytes
internal import GRDBSQLite
internal import Sandbox

/// The row that a statement stands on. Columns are read by their index, without a dictionary or a box between: the start
/// reads millions of rows.
struct Columns {
  let statement: OpaquePointer

  @inline(__always)
  func isNull(_ index: Int32) -> Bool { sqlite3_column_type(statement, index) == SQLITE_NULL }

  @inline(__always)
  func int(_ index: Int32) -> Int64 { sqlite3_column_int64(statement, index) }
  @inline(__always)
  func flag(_ index: Int32) -> Bool { int(index) != 0 }
  /// A number that uses all its bits.
  @inline(__always)
  func word(_ index: Int32) -> UInt64 { UInt64(bitPattern: int(index)) }
  /// A time or a size.
  @inline(__always)
  func amount(_ index: Int32) -> UInt64 { UInt64(max(0, int(index))) }
  @inline(__always)
  func amountOrNil(_ index: Int32) -> UInt64? { isNull(index) ? nil : amount(index) }

  /// Lends a text's or a blob's bytes; empty for NULL. They are gone with the row.
  @inline(__always)
  func buffer(_ index: Int32) -> UnsafeBufferPointer<UInt8> {
    // The order matters: sqlite3_column_bytes counts what the call before it converted to.
    let start = sqlite3_column_blob(statement, index)
    let count = Int(sqlite3_column_bytes(statement, index))
    return UnsafeBufferPointer(start: start?.assumingMemoryBound(to: UInt8.self), count: start == nil ? 0 : count)
  }

  func bytes(_ index: Int32) -> [UInt8] { Array(buffer(index)) }
  func text(_ index: Int32) -> String { String(decoding: buffer(index), as: UTF8.self) }
  func textOrNil(_ index: Int32) -> String? { isNull(index) ? nil : text(index) }

  func port(_ index: Int32) throws -> UInt16 {
    guard let port = UInt16(exactly: int(index)) else { throw damaged(index) }
    return port
  }

  func id(_ index: Int32) throws -> SandboxID {
    guard let id = SandboxID(text(index)) else { throw damaged(index) }
    return id
  }

  func choice<T: RawRepresentable<String>>(_ index: Int32) throws -> T {
    guard let value = T(rawValue: text(index)) else { throw damaged(index) }
    return value
  }

  func strings(_ index: Int32) throws -> [String] {
    if isNull(index) { return [] }
    guard let strings = StringList.decode(buffer(index)) else { throw damaged(index) }
    return strings
  }

  func networks(_ index: Int32) throws -> [CIDR] {
    if isNull(index) { return [] }
    return try strings(index).map {
      guard let network = CIDR($0) else { throw damaged(index) }
      return network
    }
  }

  /// Says where, and never what: the value may be anything.
  func damaged(_ index: Int32) -> StoreError {
    let column = sqlite3_column_name(statement, index).map { String(cString: $0) } ?? "?"
    return StoreError(
      "a row has a `\(column)` that this Porthole can't read: "
        + "it is damaged, or a newer Porthole wrote it. Put back a backup, or start the newer version")
  }
}
