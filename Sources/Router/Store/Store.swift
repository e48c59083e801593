public import Auth
internal import GRDB
public import Sandbox

/// What must survive the process: one SQLite file in WAL mode.
///
/// Writing is by one connection and in groups: transactions that wait while another is being made durable are committed
/// together with one fsync. Each still succeeds or fails for itself. When `write` returns, what it wrote is on disk.
public final class Store: Sendable {
  public enum Location: Hashable, Sendable {
    case memory
    case file(path: String)
  }

  /// Opens, or makes, the file with rights for its owner alone, and brings its schema up to date. A schema from a newer
  /// Porthole is refused.
  public init(_ location: Location) throws(StoreError) { fatalError() }

  /// The keys beside the store (`<path>.keys`, mode 0600), made at the first start; random ones for `.memory`.
  public func loadKeys(nowMs: UInt64) throws(StoreError) -> CredentialKeys { fatalError() }
  /// Durable when it returns.
  public func save(_ keys: CredentialKeys) throws(StoreError) { fatalError() }

  /// Runs `body` in a transaction, and returns when it is durable. Throws what `body` throws, and then nothing is changed.
  public func write<T: Sendable>(_ body: @escaping @Sendable (StoreTransaction) throws -> T) async throws -> T {
    fatalError()
  }

  /// Reads a consistent state, beside a writer.
  public func read<T: Sendable>(_ body: @escaping @Sendable (StoreTransaction) throws -> T) async throws -> T {
    fatalError()
  }

  /// Lends every sandbox with its exposures and the links that are still good, in the order of ids, ended ones as well
  /// (with no exposures). For the start: made for millions of rows.
  public func forEachSandbox(
    nowMs: UInt64, _ body: (StoredSandbox, [Exposure]) throws -> Void
  ) throws { fatalError() }
}

/// Why the store can't be used; says what to do.
public struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
