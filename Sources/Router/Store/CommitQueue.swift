internal import GRDB

/// Group commit. Making a transaction durable means waiting for the disk, and the disk takes as long for many as for
/// one. So those that come while it is waited for are collected, and made durable together.
///
/// Each has a savepoint of its own: one that throws takes back its own changes and no others'. The queue itself is not
/// bounded. Whoever writes waits for the result, so there are never more than there are requests at work.
final class CommitQueue: Sendable {
  private struct Waiting {
    var jobs: [Job] = []
    var isAtWork = false
  }

  /// So that the first of a group does not wait for too many others.
  static let groupMax = 512

  private let database: any DatabaseWriter
  private let waiting = Guarded(Waiting())

  init(_ database: any DatabaseWriter) { self.database = database }

  /// Returns when it is durable. Cancelling the task changes nothing: what was begun is done, and told.
  func write<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      let job = Job(
        run: { database in
          let value = try body(database)
          return { continuation.resume(returning: value) }
        },
        fail: { continuation.resume(throwing: $0) })
      let mustStart = waiting.withLock { waiting in
        waiting.jobs.append(job)
        defer { waiting.isAtWork = true }
        return !waiting.isAtWork
      }
      if mustStart { work() }
    }
  }

  /// How many wait to be run.
  var depth: Int { waiting.withLock { $0.jobs.count } }

  /// Queues one round for the writer. Those who came meanwhile get another one, behind whoever reads by this connection.
  private func work() {
    database.asyncWriteWithoutTransaction { database in
      let jobs = self.waiting.withLock { waiting in
        defer { waiting.jobs = [] }
        return waiting.jobs
      }
      var rest = jobs[...]
      while !rest.isEmpty { rest = self.commit(rest, database) }
      let goesOn = self.waiting.withLock { waiting in
        waiting.isAtWork = !waiting.jobs.isEmpty
        return waiting.isAtWork
      }
      if goesOn { self.work() }
    }
  }

  /// Commits the first of them and returns the others: those beyond a group's size, and those that had not been run when
  /// the transaction was lost.
  private func commit(_ jobs: ArraySlice<Job>, _ database: Database) -> ArraySlice<Job> {
    let group = jobs.prefix(CommitQueue.groupMax)
    var next = group.startIndex
    var done: [(job: Job, tell: @Sendable () -> Void)] = []
    done.reserveCapacity(group.count)
    do {
      try database.inTransaction(.immediate) {
        while next < group.endIndex {
          let job = group[next]
          next += 1
          do {
            done.append((job, try database.inOwnSavepoint { try job.run(database) }))
          } catch {
            job.fail(error)
            // A full disk and its like make SQLite take back the whole transaction, not only the statement.
            if !database.isInsideTransaction { throw error }
          }
        }
        return .commit
      }
    } catch {
      for one in done { one.job.fail(error) }
      // It did not even begin, so nobody was told yet.
      if next == group.startIndex {
        for job in group { job.fail(error) }
        next = group.endIndex
      }
      return jobs[next...]
    }
    for one in done { one.tell() }
    return jobs[next...]
  }
}

/// One transaction that waits.
private struct Job: Sendable {
  /// What it returns tells the caller, and is called once all of it is durable.
  let run: @Sendable (Database) throws -> @Sendable () -> Void
  /// Called instead.
  let fail: @Sendable (any Error) -> Void
}

extension Database {
  /// As GRDB's `inSavepoint`, with statements that are compiled once.
  fileprivate func inOwnSavepoint<T>(_ body: () throws -> T) throws -> T {
    try run("SAVEPOINT own")
    do {
      let value = try body()
      // Fails if `body` caught an error that ended the transaction.
      try run("RELEASE own")
      return value
    } catch {
      do {
        if isInsideTransaction {
          try run("ROLLBACK TO own")
          try run("RELEASE own")
        }
      } catch {
        // Half of it must not be committed with the others.
        try rollback()
      }
      throw error
    }
  }
}
