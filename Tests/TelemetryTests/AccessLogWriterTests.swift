import Glibc
import Testing

@testable import Telemetry

@Suite(.timeLimit(.minutes(1))) struct AccessLogWriterTests {
  /// A record whose target is its number, so that a test can see order and loss.
  private func append(_ number: Int, to buffer: AccessLogBuffer) {
    let target = Array("/\(number)".utf8)
    target.withUnsafeBufferPointer { bytes in
      var record = AccessRecord.sample()
      record.target = bytes
      buffer.append(record)
    }
  }

  private func targets(_ log: String) throws -> [String] {
    try log.split(separator: "\n").map { try StrictJSON.parse($0.utf8)["target"]?.text ?? "" }
  }

  @Test func allLinesReachTheFileInOrder() throws {
    let directory = TemporaryDirectory()
    let path = directory.path + "/access.log"
    let writer = try AccessLogWriter(.file(path: path), format: .json, workers: 1, chunksInFlight: 64)
    let buffer = writer.makeBuffer()
    for number in 0..<5_000 { append(number, to: buffer) }
    buffer.finish()
    writer.stop()
    #expect(try targets(Repository.fileText(path)) == (0..<5_000).map { "/\($0)" })
    #expect(writer.totals == AccessLogTotals(written: 5_000, dropped: 0))
  }

  @Test func severalWorkersShareTheFileLineByLine() async throws {
    let directory = TemporaryDirectory()
    let path = directory.path + "/access.log"
    let writer = try AccessLogWriter(.file(path: path), format: .json, workers: 4, chunksInFlight: 64)
    await withTaskGroup { group in
      for worker in 0..<4 {
        group.addTask {
          let buffer = writer.makeBuffer()
          for number in 0..<1_000 {
            append(worker * 1_000 + number, to: buffer)
            if number % 100 == 0 { buffer.flush() }
          }
          buffer.finish()
        }
      }
    }
    writer.stop()
    let numbers = try targets(Repository.fileText(path)).map { Int($0.dropFirst())! }
    #expect(numbers.count + Int(writer.totals.dropped) == 4_000)
    for worker in 0..<4 {
      let own = numbers.filter { $0 / 1_000 == worker }
      #expect(own == own.sorted(), "lines of one worker keep their order")
    }
  }

  @Test func flushShowsWhatIsNotYetAChunk() throws {
    let pipe = Pipe()
    let writer = try AccessLogWriter(.descriptor(pipe.writeEnd), format: .json, workers: 1)
    let buffer = writer.makeBuffer()
    append(1, to: buffer)
    buffer.flush()
    #expect(try targets(pipe.readSome()) == ["/1"])
    buffer.finish()
    writer.stop()
  }

  @Test func dropsAreCountedWhenNobodyReads() throws {
    let pipe = Pipe()
    let writer = try AccessLogWriter(.descriptor(pipe.writeEnd), format: .json, workers: 1, chunksInFlight: 2)
    let buffer = writer.makeBuffer()
    // Three chunks of 64 KiB and a pipe of 64 KiB hold some 1,500 lines; the rest has no place to go.
    for number in 0..<10_000 { append(number, to: buffer) }
    let dropped = writer.totals.dropped
    #expect(dropped > 5_000 && dropped < 10_000)
    buffer.finish()
    writer.stop(withinMs: 50)
    #expect(writer.totals.dropped + writer.totals.written == 10_000)
    #expect(writer.totals.dropped > dropped, "what was stuck at the end is lost, too, and counted")
  }

  @Test func aReaderThatComesBackGetsWholeLines() throws {
    let pipe = Pipe()
    let writer = try AccessLogWriter(.descriptor(pipe.writeEnd), format: .json, workers: 1, chunksInFlight: 2)
    let buffer = writer.makeBuffer()
    for number in 0..<2_000 { append(number, to: buffer) }
    buffer.finish()
    let expected = 2_000 - Int(writer.totals.dropped)
    var log = ""
    while log.utf8.lazy.filter({ $0 == 0x0A }).count < expected { log += pipe.readSome() }
    #expect(try targets(log).count == expected)
    writer.stop()
    #expect(Int(writer.totals.written) == expected)
  }

  @Test func reopenWritesToTheNewFile() throws {
    let directory = TemporaryDirectory()
    let path = directory.path + "/access.log"
    let writer = try AccessLogWriter(.file(path: path), format: .json, workers: 1)
    let buffer = writer.makeBuffer()
    append(1, to: buffer)
    buffer.flush()
    while writer.totals.written < 1 { sched_yield() }
    #expect(rename(path, path + ".1") == 0)
    writer.requestReopen()
    append(2, to: buffer)
    buffer.finish()
    writer.stop()
    #expect(try targets(Repository.fileText(path + ".1")) == ["/1"])
    #expect(try targets(Repository.fileText(path)) == ["/2"])
  }

  @Test func aReopenThatFailsKeepsTheOldFile() throws {
    let directory = TemporaryDirectory()
    let path = directory.path + "/access.log"
    let log = Pipe()
    let logger = Logger(descriptor: log.writeEnd)
    let writer = try AccessLogWriter(.file(path: path), format: .json, workers: 1, logger: logger)
    #expect(rename(path, path + ".1") == 0)
    #expect(mkdir(path, 0o755) == 0)
    writer.requestReopen()
    #expect(log.readSome().contains("the old file stays in use reason=\"\(path): Is a directory\""))
    let buffer = writer.makeBuffer()
    append(1, to: buffer)
    buffer.finish()
    writer.stop()
    #expect(rmdir(path) == 0)
    #expect(try targets(Repository.fileText(path + ".1")) == ["/1"])
  }

  @Test func aFullDiskIsCountedAndReported() throws {
    let log = Pipe()
    let logger = Logger(descriptor: log.writeEnd)
    let writer = try AccessLogWriter(.file(path: "/dev/full"), format: .json, workers: 1, logger: logger)
    let buffer = writer.makeBuffer()
    append(1, to: buffer)
    append(2, to: buffer)
    buffer.finish()
    writer.stop()
    #expect(writer.totals == AccessLogTotals(written: 0, dropped: 2))
    #expect(log.readSome().contains(#"access-log lines were dropped lines=2 reason="No space left on device""#))
  }

  @Test func aFileThatCannotBeOpenedIsAnErrorThatNamesIt() {
    #expect(throws: LogOutputError(path: "/nonexistent/x", errorNumber: ENOENT)) {
      try AccessLogWriter(.file(path: "/nonexistent/x"), format: .json, workers: 1)
    }
    #expect("\(LogOutputError(path: "/x", errorNumber: EACCES))" == "/x: Permission denied")
  }

  @Test func theLogIsNotForEverybody() throws {
    let directory = TemporaryDirectory()
    let path = directory.path + "/access.log"
    let writer = try AccessLogWriter(.file(path: path), format: .json, workers: 1)
    writer.stop()
    var status = stat()
    #expect(stat(path, &status) == 0)
    #expect(status.st_mode & 0o007 == 0)
  }
}
