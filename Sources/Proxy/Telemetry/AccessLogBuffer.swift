/// One worker's end of the access log: formats records into the chunk in hand and passes full ones to the writer.
///
/// Confined to the worker's loop, hence not Sendable. `append` neither allocates nor waits: where no chunk is free the
/// line is dropped and counted.
public final class AccessLogBuffer {
  private let writer: AccessLogWriter
  private let format: AccessLogFormat
  private var timestamps: TimestampCache
  /// The chunk in hand, -1 where there is none; `bytes` points into it.
  private var chunk = -1
  private var bytes: UnsafeMutablePointer<UInt8>?
  /// 0 <= used <= AccessLogChunks.bytesPerChunk
  private var used = 0
  private var lines: UInt64 = 0

  init(writer: AccessLogWriter, format: AccessLogFormat) {
    self.writer = writer
    self.format = format
    timestamps = TimestampCache(format == .json ? .rfc3339 : .commonLog)
  }

  deinit { finish() }

  public func append(_ record: AccessRecord) {
    let bytesMax = record.lineBytesMax
    guard let start = room(for: bytesMax) else { return writer.countDropped(1) }
    var line = LineWriter(at: start)
    switch format {
    case .json: record.writeJSON(to: &line, &timestamps)
    case .common: record.writeCommon(to: &line, &timestamps, combined: false)
    case .combined: record.writeCommon(to: &line, &timestamps, combined: true)
    }
    used += line.at - start
    lines += 1
    assert(line.at - start <= bytesMax, "AccessRecord.lineBytesMax counts too little")
  }

  /// For a timer, every 200 ms or so: what was logged becomes visible although the chunk is not full.
  ///
  /// While the writer is behind, a part-filled chunk stays here: handing it over would only use up the free ones.
  public func flush() {
    if used > 0, writer.chunks.hasFree { submit() }
  }

  /// For the end of the worker: hands over whatever there is.
  public func finish() {
    if used > 0 {
      submit()
    } else if chunk >= 0 {
      writer.chunks.release(chunk)
      forget()
    }
  }

  /// Where the next line goes, nil where there is no place for it.
  @inline(__always)
  private func room(for bytesMax: Int) -> UnsafeMutablePointer<UInt8>? {
    if let bytes, AccessLogChunks.bytesPerChunk - used >= bytesMax { return bytes + used }
    return nextChunk()
  }

  private func nextChunk() -> UnsafeMutablePointer<UInt8>? {
    if used > 0 { submit() }
    guard chunk < 0, let taken = writer.chunks.take() else { return bytes }
    chunk = taken
    bytes = writer.chunks.bytes(of: taken)
    return bytes
  }

  private func submit() {
    writer.submit(chunk, used: used, lines: lines)
    forget()
  }

  private func forget() {
    chunk = -1
    bytes = nil
    used = 0
    lines = 0
  }
}
